"""From stored truth to what the forge should show."""

from ci_bot.core.report.check import checks
from ci_bot.core.report.comment import comment
from ci_bot.core.report.names import job_of_check
from ci_bot.core.report.status import description
from ci_bot.core.report.tail import wanted_tails

__all__ = ["checks", "comment", "description", "job_of_check", "wanted_tails"]
