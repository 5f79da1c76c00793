"""One HTTP request from GitHub in; verified, then one event of ours, or None, out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gidgethub import GitHubException, ValidationFailure, sansio

from ci_bot.core.errors import BadDelivery, SignatureRefused
from ci_bot.core.events import Event
from ci_bot.forges.github.translate import is_known, translate
from ci_bot.forges.payload import Fields, WrongShape

UNSIGNED: Final = "the delivery has no SHA-256 signature: set the webhook secret in the App's settings"
WRONGLY_SIGNED: Final = "the delivery is not signed with our secret: compare it with the App's settings"
NOT_SET_UP: Final = "no webhook secret is configured, so no delivery can be trusted"

_SIGNATURE: Final = re.compile(r"sha256=[0-9a-f]{64}")
_DELIVERY_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


class GitHubWebhook:
    """Several secrets may be given while they are rotated; any of them opens.

    https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    """

    def __init__(self, secrets: Sequence[str], app_id: int) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)  # anyone can sign with ""
        self._app_id = app_id

    def require_signature(self, headers: Mapping[str, str]) -> None:
        """`ports.Webhook.require_signature`."""
        if not self._secrets:
            raise SignatureRefused(NOT_SET_UP)
        if not _SIGNATURE.fullmatch(_header(headers, "x-hub-signature-256")):
            raise SignatureRefused(UNSIGNED)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`ports.Webhook.verify`.

        `sansio.validate_event` compares in constant time, but takes SHA-1 as well and raises
        TypeError for text that is not ASCII: only what has the form of a SHA-256 gets to it.
        """
        self.require_signature(headers)
        signature = _header(headers, "x-hub-signature-256")
        opened = [_opens(secret, signature, body) for secret in self._secrets]
        if not any(opened):
            raise SignatureRefused(WRONGLY_SIGNED)

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        """`ports.Webhook.parse`. Of the headers it reads X-GitHub-Event alone."""
        name = _header(headers, "x-github-event")
        if not name:
            raise BadDelivery("the X-GitHub-Event header is missing")
        if not is_known(name):
            return None
        try:
            return translate(name, Fields.of(_decoded(name, body)), self._app_id)
        except WrongShape as error:
            raise BadDelivery(f"not the body of a {name} event: {error}") from error

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """`ports.Webhook.delivery_id`."""
        found = _header(headers, "x-github-delivery")
        if not _DELIVERY_ID.fullmatch(found):
            raise BadDelivery("the X-GitHub-Delivery header is missing or malformed")
        return found


def _header(headers: Mapping[str, str], name: str) -> str:
    """Case does not count, also where the headers come back from the store as a plain dictionary."""
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _opens(secret: str, signature: str, body: bytes) -> bool:
    try:
        sansio.validate_event(body, signature=signature, secret=secret)
    except ValidationFailure:
        return False
    return True


def _decoded(name: str, body: bytes) -> object:
    """The body's JSON. The headers that say how to read it are not signed, so ours stand in.

    Raises `WrongShape` also for what JSON readers stumble over: deep nesting (RecursionError) and
    integers of thousands of digits (ValueError, which `from_http` turns into its own).
    """
    headers = {
        "content-type": "application/json",
        "x-github-event": name,
        "x-github-delivery": "",  # `delivery_id` reads it; `from_http` only wants it there
    }
    try:
        return sansio.Event.from_http(headers, body).data
    except (GitHubException, RecursionError) as error:
        raise WrongShape("not JSON; set the webhook's content type to application/json") from error
