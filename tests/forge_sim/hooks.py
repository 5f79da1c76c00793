"""Signed webhook deliveries: per App one queue, in order of occurrence, each tried exactly once.

https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries: GitHub "does
not automatically redeliver failed deliveries"; they stay in the App's list and can be asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from dataclasses import replace
from typing import Any

import aiohttp

from .faults import Faults
from .ledger import Ledger
from .outbox import Outbox
from .shapes.apps import installation_reference
from .state import App, Delivery, Installation, Json, Repo, World
from .validation import Validator

# https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap: beyond 25 MB an event
# is not delivered at all.
_MOST_PAYLOAD = 25 * 1024 * 1024
_CHECK_EVENTS = ("check_run", "check_suite")


class Hooks:
    def __init__(
        self, world: World, ledger: Ledger, faults: Faults, validator: Validator, timeout: float
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._faults = faults
        self._validator = validator
        self._outbox = Outbox(faults, timeout, self._deliver)

    def emit(self, event: str, payload: Json, repo: Repo, only: App | None = None) -> None:
        """Queue an event for every App that is installed there and asked for it."""
        self._check(event, payload)
        for installation in self._world.installations_on(repo):
            if only is not None and installation.app is not only:
                continue
            if installation.suspended_at is None and _wants(installation, event):
                self.queue(installation.app, event, payload, installation, repo)

    def queue(
        self,
        app: App,
        event: str,
        payload: Json,
        installation: Installation | None,
        repo: Repo | None = None,
    ) -> None:
        """Queue an event for one App, whatever it asked for."""
        if not app.hook_active or not app.webhook_url:
            return
        body = dict(payload)
        if installation is not None:
            body.setdefault("installation", installation_reference(installation))
        delivery = Delivery(
            id=self._world.next_id("delivery"),
            guid=str(uuid.uuid4()),
            event=event,
            action=payload.get("action"),
            payload=body,
            installation_id=installation.id if installation else None,
            repository_id=repo.id if repo else None,
        )
        self._enqueue(app, delivery)

    def announce_installation(self, event: str, installation: Installation, payload: Json) -> None:
        """``installation`` and ``installation_repositories``: every App gets its own, always."""
        self._check(event, payload)
        self.queue(installation.app, event, payload, installation)

    def redeliver(self, app: App, old: Delivery) -> None:
        """The same guid and payload once more, signed with today's secret."""
        again = replace(
            old,
            id=self._world.next_id("delivery"),
            redelivery=True,
            status="pending",
            status_code=0,
            delivered_at=time.time(),
        )
        self._enqueue(app, again)

    async def send_now(self, app: App, event: str, payload: Any, headers: dict[str, str]) -> int:
        """A hand-made delivery, outside the queue and the records; the status of the answer."""
        body = payload if isinstance(payload, bytes) else _compact(payload)
        made = {**self._headers(app, event, str(uuid.uuid4()), body), **headers}
        async with self._outbox.client().post(app.webhook_url, data=body, headers=made) as response:
            await response.read()
            return response.status

    async def quiet(self, seconds: float) -> bool:
        """Whether all queued deliveries were tried within that many seconds."""
        return await self._outbox.quiet(seconds)

    async def close(self) -> None:
        await self._outbox.close()

    def _check(self, event: str, payload: Json) -> None:
        if self._validator.on:
            action = payload.get("action")
            for complaint in self._validator.event(event, action, payload):
                self._ledger.violation("webhook", f"{event}.{action}", complaint)

    def _enqueue(self, app: App, delivery: Delivery) -> None:
        subject = f"{delivery.event}.{delivery.action}" if delivery.action else delivery.event
        self._outbox.put(app.id, (app, delivery), subject)

    async def _deliver(self, parcel: tuple[App, Delivery], subject: str) -> None:
        app, delivery = parcel
        body = _compact(delivery.payload)
        if len(body) > _MOST_PAYLOAD or self._faults.hit(subject, "hook_lose"):
            return
        app.deliveries.append(delivery)
        delivery.delivered_at = time.time()
        if self._faults.hit(subject, "hook_drop"):
            delivery.status, delivery.status_code = "failed to connect to host", 502
        else:
            await self._attempt(app, delivery, body, subject)
            if self._faults.hit(subject, "hook_double"):
                await self._attempt(app, delivery, body, subject)
        self._ledger.add(
            "delivery",
            app=app.slug,
            event=subject,
            guid=delivery.guid,
            redelivery=delivery.redelivery,
            status=delivery.status_code,
        )

    async def _attempt(self, app: App, delivery: Delivery, body: bytes, subject: str) -> None:
        headers = self._headers(app, delivery.event, delivery.guid, body)
        if self._faults.hit(subject, "hook_corrupt"):
            headers["X-Hub-Signature-256"] = "sha256=" + "0" * 64
        delivery.request_headers = headers
        started = time.monotonic()
        try:
            async with self._outbox.client().post(
                app.webhook_url, data=body, headers=headers
            ) as answer:
                delivery.response_body = (await answer.text(errors="replace"))[:4096]
                delivery.response_headers = dict(answer.headers)
                delivery.status_code = answer.status
                good = 200 <= answer.status < 300
                delivery.status = "OK" if good else f"Invalid HTTP Response: {answer.status}"
        except TimeoutError:
            delivery.status, delivery.status_code = "timed out", 504
        except aiohttp.ClientError:
            delivery.status, delivery.status_code = "failed to connect to host", 502
        delivery.duration = time.monotonic() - started

    def _headers(self, app: App, event: str, guid: str, body: bytes) -> dict[str, str]:
        """https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers."""
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/0f1e2d3",
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(app.hook_id),
            "X-GitHub-Hook-Installation-Target-ID": str(app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
        }
        if app.webhook_secret:
            key = app.webhook_secret.encode()
            headers["X-Hub-Signature"] = "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest()
            digest = hmac.new(key, body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={digest}"
        return headers


def _wants(installation: Installation, event: str) -> bool:
    """Check events come with the permission and cannot be unsubscribed; the rest is asked for."""
    if event in _CHECK_EVENTS:
        return installation.permissions.get("checks") in ("read", "write")
    return event in installation.app.events


def _compact(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
