"""People and collectors outside the forge, who are told things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ci_bot.core.effects import Turn
from ci_bot.core.events import Repo
from ci_bot.core.notices import Notice
from ci_bot.core.spans import Span


class Notifier(Protocol):
    """Tells people outside the forge. Any method may run concurrently with any other."""

    def targets(self, repo: Repo, branch: str, turn: Turn) -> Sequence[str]:
        """The addresses to be told, by names that outlive a restart and give nothing away."""
        ...

    async def send(self, target: str, notice: Notice) -> None:
        """Sent once when it returns. Raises `NoticeFailed`, or `NoticeUncertain` where it may have been."""
        ...


class Spans(Protocol):
    """Where traces go. Must not raise or wait: nothing that happens depends on it."""

    def emit(self, spans: Sequence[Span]) -> None: ...
