"""One HTTP request from GitLab in; verified, then one event of ours, or None, out. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook as Signer

from ci_bot.core.errors import BadDelivery, SettingsError, SignatureRefused
from ci_bot.core.events import Event
from ci_bot.forges.gitlab.translate import is_known, translate
from ci_bot.forges.payload import Fields, WrongShape
from ci_bot.ports import Clock

UNSIGNED: Final = "the delivery is not signed: give the webhook the signing token, in its settings (GitLab 19.0 and later)"
WRONGLY_SIGNED: Final = (
    "the delivery is not signed with our signing token: compare it with the webhook's settings"
)
STALE: Final = (
    "the delivery was signed more than 5 minutes ago, or ahead: compare the clocks of both servers"
)
UNPROVEN: Final = "the delivery has no X-Gitlab-Token: set the secret token in the webhook's settings"
WRONGLY_PROVEN: Final = (
    "the X-Gitlab-Token is not ours: compare the secret token in the webhook's settings"
)
NOT_SET_UP: Final = "no signing token and no webhook token is configured, so no delivery can be trusted"
UNUSABLE_KEY: Final = 'gitlab.signing_token: must be "whsec_" and the base64 of a key of 24 to 64 bytes, as GitLab shows it once'

#: As Standard Webhooks has it; GitLab names no window of its own.
#: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
WINDOW_SECONDS: Final = 300

_PREFIX: Final = "whsec_"
_SIGNATURE: Final = re.compile(r"v1,[A-Za-z0-9+/]{43}=")
_MOST_SIGNATURES: Final = 16
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_DELIVERY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class GitLabWebhook:
    """`ports.Webhook`. Several tokens of a kind may be given while they are rotated; any of them opens.

    Plain tokens count only where there is no signing token: whoever sees one delivery has a plain token.
    `bot_id`: the notes of our own account ask for nothing.
    https://docs.gitlab.com/user/project/integrations/webhooks/#verify-webhook-signatures
    """

    def __init__(
        self,
        *,
        signing_tokens: Sequence[str],
        plain_tokens: Sequence[str],
        clock: Clock,
        bot_id: int | None = None,
    ) -> None:
        """Raises `SettingsError` for a signing token that is none."""
        self._signers = tuple(Signer(_key(token)) for token in signing_tokens if token)
        self._tokens = tuple(token.encode() for token in plain_tokens if token)
        self._clock = clock
        self._bot_id = bot_id

    def require_signature(self, headers: Mapping[str, str]) -> None:
        """`ports.Webhook.require_signature`; a plain token is compared here already."""
        if self._signers:
            self._require_signed(headers)
        elif self._tokens:
            self._require_token(headers)
        else:
            raise SignatureRefused(NOT_SET_UP)

    def _require_signed(self, headers: Mapping[str, str]) -> None:
        """Id and time stamp come with every delivery since 19.0, so they say nothing of a signature."""
        if not _signatures(headers) or not _DELIVERY_ID.fullmatch(_header(headers, "webhook-id")):
            raise SignatureRefused(UNSIGNED)
        if not _TIMESTAMP.fullmatch(_header(headers, "webhook-timestamp")):
            raise SignatureRefused(UNSIGNED)
        if abs(self._clock.now() - int(_header(headers, "webhook-timestamp"))) > WINDOW_SECONDS:
            raise SignatureRefused(STALE)

    def _require_token(self, headers: Mapping[str, str]) -> None:
        given = _header(headers, "x-gitlab-token").encode("utf-8", "surrogateescape")
        if not given:
            raise SignatureRefused(UNPROVEN)
        opened = [hmac.compare_digest(token, given) for token in self._tokens]
        if not any(opened):
            raise SignatureRefused(WRONGLY_PROVEN)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`ports.Webhook.verify`.

        The package signs, and we compare: its own `verify` raises what it may on headers of other forms,
        and asks a clock of its own.
        """
        self.require_signature(headers)
        if not self._signers:
            return
        given, expected = _signatures(headers), self._expected(headers, body)
        opened = [hmac.compare_digest(one, own) for one in given for own in expected]
        if not any(opened):
            raise SignatureRefused(WRONGLY_SIGNED)

    def _expected(self, headers: Mapping[str, str], body: bytes) -> Sequence[bytes]:
        try:
            text = body.decode()
        except UnicodeDecodeError as error:  # GitLab sends JSON, which is UTF-8
            raise SignatureRefused(WRONGLY_SIGNED) from error
        id, stamp = _header(headers, "webhook-id"), int(_header(headers, "webhook-timestamp"))
        moment = datetime.fromtimestamp(stamp, UTC)
        return [signer.sign(id, moment, text).encode() for signer in self._signers]

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        """`ports.Webhook.parse`. Of the headers it reads X-Gitlab-Event alone."""
        name = _header(headers, "x-gitlab-event")
        if not name:
            raise BadDelivery("the X-Gitlab-Event header is missing")
        if not is_known(name):
            return None
        try:
            return translate(name, Fields.of(_decoded(body)), self._bot_id)
        except WrongShape as error:
            raise BadDelivery(f"not the body of a {name} event: {error}") from error

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """`ports.Webhook.delivery_id`: what is signed, where anything is.

        `Idempotency-Key` is the same when GitLab sends again; before 17.4 there is but a number of each try.
        https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers
        """
        names = ("webhook-id",) if self._signers else ("idempotency-key", "x-gitlab-webhook-uuid")
        found = next(filter(None, (_header(headers, name) for name in names)), "")
        if not _DELIVERY_ID.fullmatch(found):
            raise BadDelivery("the Idempotency-Key header is missing or malformed")
        return found


def _key(token: str) -> bytes:
    """The bytes that sign: the part after the prefix is base64 of them, not they themselves."""
    try:
        key = base64.b64decode(token.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingsError([UNUSABLE_KEY]) from error
    if not token.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise SettingsError([UNUSABLE_KEY])
    return key


def _header(headers: Mapping[str, str], name: str) -> str:
    """Case does not count, also where the headers come back from the store as a plain dictionary."""
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _signatures(headers: Mapping[str, str]) -> Sequence[bytes]:
    """Those of the version that we know; others may stand beside them."""
    listed = _header(headers, "webhook-signature").split(" ")[:_MOST_SIGNATURES]
    return [one.encode("ascii") for one in listed if _SIGNATURE.fullmatch(one)]


def _decoded(body: bytes) -> object:
    """Raises `WrongShape` also for what JSON readers stumble over: deep nesting (RecursionError) and
    integers of thousands of digits (ValueError).
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WrongShape("not JSON; a custom webhook template must be removed") from error
