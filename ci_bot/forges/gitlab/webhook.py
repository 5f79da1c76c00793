"""One HTTP request from GitLab in; verified, then one event of ours, or None, out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ci_bot.core.events import Event
from ci_bot.ports import Clock


class GitLabWebhook:
    """`ports.Webhook`. Several tokens of a kind may be given while they are rotated.

    Plain tokens count only where there is no signing token. `bot_id`: our own account's notes ask nothing.
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

    def require_signature(self, headers: Mapping[str, str]) -> None:
        raise NotImplementedError

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        raise NotImplementedError

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        raise NotImplementedError

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        raise NotImplementedError
