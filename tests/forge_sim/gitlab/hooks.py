"""Webhooks of projects, groups and the instance: signed, tried once, disabled after four failures.

https://docs.gitlab.com/user/project/integrations/webhooks/: "GitLab expects a response within 10
seconds"; a failed delivery is not repeated by itself, it stays in the hook's list of recent events and
can be sent again by its id. While a hook is disabled nothing is sent, and nothing is listed.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from ..faults import Faults
from ..ledger import Ledger
from ..outbox import Outbox
from .shapes.hooks import FAILURES, PERMANENT, alert_status
from .state import Group, Hook, HookEvent, Json, Project, World

if TYPE_CHECKING:
    from .sim import Sim

# https://docs.gitlab.com/user/gitlab_com/#webhooks: "Maximum webhook payload: 25 MB".
_MOST_PAYLOAD = 25 * 1024 * 1024
# MAX_BACKOFF, BACKOFF_GROWTH_FACTOR of app/models/concerns/web_hooks/auto_disabling.rb.
_MOST_BACKOFF = 86_400.0
_KEPT_EVENTS = 1000
#: trigger → (flag of the hook, value of X-Gitlab-Event)
TRIGGERS = {
    "push_hooks": ("push_events", "Push Hook"),
    "tag_push_hooks": ("tag_push_events", "Tag Push Hook"),
    "merge_request_hooks": ("merge_requests_events", "Merge Request Hook"),
    "note_hooks": ("note_events", "Note Hook"),
    "confidential_note_hooks": ("confidential_note_events", "Confidential Note Hook"),
    "pipeline_hooks": ("pipeline_events", "Pipeline Hook"),
    "deployment_hooks": ("deployment_events", "Deployment Hook"),
    "emoji_hooks": ("emoji_events", "Emoji Hook"),
    "member_hooks": ("member_events", "Member Hook"),
    "resource_access_token_hooks": ("resource_access_token_events", "Resource Access Token Hook"),
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """``event`` is shared by all hooks that one request of a person sets off."""

    hook: Hook
    trigger: str
    data: Json
    key: str
    event: str


class Hooks:
    def __init__(self, sim: Sim, faults: Faults, ledger: Ledger, timeout: float) -> None:
        self._sim = sim
        self._faults = faults
        self._ledger = ledger
        self._outbox: Outbox[Parcel] = Outbox(faults, timeout, self._deliver)

    def emit(self, trigger: str, project: Project, data: Json) -> None:
        """Queues an event for every hook that asked for it: the project's, its groups', the instance's."""
        event = str(uuid.uuid4())
        for hook in list(self._world.hooks.values()):
            if not covers(hook, project) or not _wants(hook, trigger, data):
                continue
            parcel = Parcel(hook, trigger, data, str(uuid.uuid4()), event)
            self._outbox.put(hook.id, parcel, subject_of(trigger, data))

    async def resend(self, hook: Hook, event: HookEvent) -> HookEvent | None:
        """The same data under the same idempotency key, signed anew; the new event.

        app/services/web_hooks/events/resend_service.rb. None where the hook is disabled by now.
        """
        if alert_status(hook) != "executable":
            return None
        parcel = Parcel(hook, event.trigger, event.data, event.key, str(uuid.uuid4()))
        return await self._attempt(parcel, subject_of(event.trigger, event.data))

    async def test(self, hook: Hook, trigger: str, data: Json) -> HookEvent:
        """Sent also where the hook is disabled, and heals it where it is accepted.

        https://docs.gitlab.com/user/project/integrations/webhooks/#re-enable-disabled-webhooks
        """
        parcel = Parcel(hook, trigger, data, str(uuid.uuid4()), str(uuid.uuid4()))
        return await self._attempt(parcel, subject_of(trigger, data))

    async def send_now(self, hook: Hook, trigger: str, data: Any, headers: dict[str, str]) -> int:
        """A hand-made delivery, outside the queue and the records; the status of the answer."""
        body = data if isinstance(data, bytes) else _compact(data)
        parcel = Parcel(hook, trigger, {}, str(uuid.uuid4()), str(uuid.uuid4()))
        made = {**self._headers(parcel, body), **headers}
        async with self._outbox.client().post(hook.url, data=body, headers=made) as response:
            await response.read()
            return response.status

    async def quiet(self, seconds: float) -> bool:
        return await self._outbox.quiet(seconds)

    async def close(self) -> None:
        await self._outbox.close()

    @property
    def _world(self) -> World:
        return self._sim.world

    async def _deliver(self, parcel: Parcel, subject: str) -> None:
        if alert_status(parcel.hook) != "executable":
            self._note(parcel, subject, "disabled")
            return
        if len(_compact(parcel.data)) > _MOST_PAYLOAD or self._faults.hit(subject, "hook_lose"):
            return
        if self._faults.hit(subject, "hook_drop"):
            self._settle(parcel, self._event(parcel, {}), subject)
            return
        await self._attempt(parcel, subject)
        if self._faults.hit(subject, "hook_double"):
            await self._attempt(parcel, subject)

    async def _attempt(self, parcel: Parcel, subject: str) -> HookEvent:
        body = _compact(parcel.data)
        headers = self._headers(parcel, body)
        if self._faults.hit(subject, "hook_corrupt"):
            for name in ("webhook-signature", "X-Gitlab-Token"):
                if name in headers:
                    headers[name] = "v1,AAAA"
        event = self._event(parcel, headers)
        started = time.monotonic()
        try:
            request = self._outbox.client().post(parcel.hook.url, data=body, headers=headers)
            async with request as answer:
                event.response_body = (await answer.text(errors="replace"))[:8192]
                event.response_headers = dict(answer.headers)
                event.status = str(answer.status)
        except (TimeoutError, aiohttp.ClientError):
            event.status = "internal error"
        event.duration = time.monotonic() - started
        self._settle(parcel, event, subject)
        return event

    def _event(self, parcel: Parcel, headers: dict[str, str]) -> HookEvent:
        return HookEvent(
            id=self._world.next_id("hook_event"),
            trigger=parcel.trigger,
            url=parcel.hook.url,
            key=parcel.key,
            request_headers=headers,
            data=parcel.data,
        )

    def _settle(self, parcel: Parcel, event: HookEvent, subject: str) -> None:
        """Keeps the event, and counts: 2xx heals, everything else brings the hook nearer to its pause."""
        hook = parcel.hook
        hook.log.append(event)
        del hook.log[:-_KEPT_EVENTS]
        good = event.status.isdecimal() and 200 <= int(event.status) < 300
        if good:
            hook.recent_failures, hook.backoff_count, hook.disabled_until = 0, 0, None
        else:
            self._back_off(hook)
        self._note(parcel, subject, event.status)

    def _back_off(self, hook: Hook) -> None:
        hook.recent_failures = min(hook.recent_failures + 1, PERMANENT)
        if hook.recent_failures > FAILURES and isinstance(hook.owner, Project | Group):
            pause = self._sim.config.backoff_first * 2.0**hook.backoff_count
            hook.backoff_count += 1
            hook.disabled_until = time.time() + min(pause, _MOST_BACKOFF)

    def _note(self, parcel: Parcel, subject: str, status: str) -> None:
        self._ledger.add(
            "delivery",
            app=parcel.hook.creator.username,
            hook=parcel.hook.id,
            event=subject,
            guid=parcel.key,
            status=int(status) if status.isdecimal() else 0,
            said=status,
        )

    def _headers(self, parcel: Parcel, body: bytes) -> dict[str, str]:
        """https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers."""
        hook, version = parcel.hook, self._sim.config.version
        name = "System Hook" if hook.owner is None else TRIGGERS[parcel.trigger][1]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"GitLab/{version}",
            "Idempotency-Key": parcel.key,
            "X-Gitlab-Event": name,
            "X-Gitlab-Event-UUID": parcel.event,
            "X-Gitlab-Instance": self._sim.urls.web,
            "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
        }
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        if self._sim.signs:
            at = str(int(time.time()))
            headers |= {"webhook-id": parcel.key, "webhook-timestamp": at}
            if hook.signing_token:
                signature = sign(hook.signing_token, parcel.key, at, body)
                headers["webhook-signature"] = signature
        return headers


def sign(token: str, key: str, at: str, body: bytes) -> str:
    """https://docs.gitlab.com/user/project/integrations/webhooks/#validate-payloads-with-a-signing-token."""
    secret = base64.b64decode(token.removeprefix("whsec_"))
    signed = b".".join((key.encode(), at.encode(), body))
    return f"v1,{base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()}"


def subject_of(trigger: str, data: Json) -> str:
    """What faults match and the ledger tells: ``push``, ``merge_request.update``, ``note.create``."""
    kind = str(data.get("object_kind", trigger.removesuffix("_hooks")))
    action = (data.get("object_attributes") or {}).get("action")
    return f"{kind}.{action}" if action else kind


def covers(hook: Hook, project: Project) -> bool:
    return hook.owner is None or hook.owner is project or hook.owner in project.ancestors


def _wants(hook: Hook, trigger: str, data: Json) -> bool:
    if not hook.events.get(TRIGGERS[trigger][0], False):
        return False
    if trigger != "push_hooks" or not hook.branch_filter:
        return True
    branch = str(data["ref"]).removeprefix("refs/heads/")
    return fnmatch.fnmatchcase(branch, hook.branch_filter)


def _compact(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
