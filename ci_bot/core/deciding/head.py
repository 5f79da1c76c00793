"""What is known about a commit that might be tested."""

from __future__ import annotations

from dataclasses import dataclass

from ci_bot.core.events import Pull
from ci_bot.core.model import Inspection
from ci_bot.core.occasion import NOT_ASKED, Changed
from ci_bot.core.pipeline import Reading


@dataclass(frozen=True, slots=True)
class Head:
    """`reading` is its configuration, None where it has none; then `base_has_config` says whether the
    commit it is to replace or to be merged into has one.
    """

    reading: Reading | None
    base_has_config: bool
    message: str
    inspection: Inspection | None = None  # where it is to wait for approval
    pull: Pull | None = None  # that it is the head of
    changed: Changed = NOT_ASKED
