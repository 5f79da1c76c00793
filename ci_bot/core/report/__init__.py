"""From stored truth to what the forge should show."""

from ci_bot.core.report.check import checks
from ci_bot.core.report.comment import comment
from ci_bot.core.report.masking import masked_check, masked_comment
from ci_bot.core.report.names import runs_of_check, spot_of
from ci_bot.core.report.tail import TAIL_BYTES, wanted_tails

__all__ = [
    "TAIL_BYTES",
    "checks",
    "comment",
    "masked_check",
    "masked_comment",
    "runs_of_check",
    "spot_of",
    "wanted_tails",
]
