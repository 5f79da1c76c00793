"""The operator's rules and addresses in, notices sent by apprise out; in threads. Implements `ports.Notifier`.

https://github.com/caronc/apprise
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ci_bot.core.effects import Turn
from ci_bot.core.errors import NoticeFailed, NoticeUncertain, SettingsError
from ci_bot.core.events import Repo
from ci_bot.core.mask import Masker
from ci_bot.core.notices import Notice, Watch, targets
from ci_bot.core.plain import plain
from ci_bot.notify.addresses import kind_of, name_of, secrets_of

if TYPE_CHECKING:
    from apprise import NotifyBase

SEND_SECONDS: Final = 30.0
GONE: Final = "its address is no longer in the settings"
_MOST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """One table of the settings."""

    repositories: tuple[str, ...]
    branches: tuple[str, ...]
    on: tuple[Turn, ...]
    urls: tuple[str, ...]


def problem_of(url: str) -> str:
    """Why this is no address that apprise knows, "" if it is one. The address is not in the text."""
    if _service(url) is not None:
        return ""
    return f"is no address that apprise understands as {kind_of(url)}://; see docs/notifications.md"


class Notifications:
    """`on_secret` is told every address, and what of it is secret, before it is used."""

    def __init__(self, rules: Sequence[Rule], on_secret: Callable[[bytes], None]) -> None:
        """Raises `SettingsError` for addresses that cannot be used."""
        self._watches = tuple(
            Watch(rule.repositories, rule.branches, rule.on, tuple(map(name_of, rule.urls)))
            for rule in rules
        )
        self._urls = {name_of(url): url for rule in rules for url in rule.urls}
        self._on_secret = on_secret
        for url in self._urls.values():
            self._hide(url)
        problems = [found for url in self._urls.values() if (found := problem_of(url))]
        if problems:
            raise SettingsError([f"notifications: a URL {found}" for found in problems])

    def targets(self, repo: Repo, branch: str, turn: Turn) -> Sequence[str]:
        return targets(self._watches, repo, branch, turn)

    async def send(self, target: str, notice: Notice) -> None:
        url = self._urls.get(target)
        if url is None:
            raise NoticeFailed(GONE)
        self._hide(url)
        await asyncio.to_thread(_send, url, notice)

    def _hide(self, url: str) -> None:
        """Each time anew: who masks forgets what was not used for long."""
        for secret in secrets_of(url):
            self._on_secret(secret)


def _service(url: str) -> NotifyBase | None:
    import apprise  # noqa: PLC0415 - takes seconds

    asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY, secure_logging=True)
    found = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    return found if isinstance(found, apprise.NotifyBase) else None


def _send(url: str, notice: Notice) -> None:
    import apprise  # noqa: PLC0415 - takes seconds

    service = _service(url)
    if service is None:
        raise NoticeFailed(problem_of(url))
    # An answer that does not come is then our own deadline, and can be told from one that says no.
    service.socket_read_timeout = 2 * SEND_SECONDS
    sender = apprise.Apprise(services=[service])
    kind = apprise.NotifyType.FAILURE if notice.turn is Turn.FAILURE else apprise.NotifyType.SUCCESS
    with sender.notify(
        notice.body,
        title=notice.title,
        notify_type=kind,
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
        timeout=SEND_SECONDS,
    ) as result:
        if result:
            return
        words = _reason(url, [str(entry.message) for entry in result.logs()])
        if result.status is apprise.AppriseResultStatus.TIMEOUT:
            raise NoticeUncertain(f"{kind_of(url)} did not answer within {SEND_SECONDS:.0f} s")
        raise NoticeFailed(f"{kind_of(url)} did not take it{words}")


def _reason(url: str, lines: Sequence[str]) -> str:
    """What apprise logged about it, without anything of the address."""
    text = plain(Masker(secrets_of(url)).mask(" ".join(lines[:2]).encode("utf-8", "replace")))
    line = " ".join(text.split())
    return f": {line[:_MOST_REASON]}" if line else ""
