"""Events to plan for, said in one line."""

from __future__ import annotations

from typing import Any

from ci_bot.core.occasion import NOT_ASKED, Changed, Facts, Occasion


def occasion(event: str, changed: Changed = NOT_ASKED, **facts: Any) -> Occasion:
    """As `Facts` has them; what is not said is empty."""
    return Occasion(Facts(event=event, **facts), changed, "main")
