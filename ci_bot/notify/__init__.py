"""Notices out to Slack, e-mail and the rest: `Notifications`, by apprise. Built by `wiring`.

Nothing here imports apprise before it is needed: that takes seconds, and most commands notify nobody.
"""

from ci_bot.notify.notifications import Notifications, Rule, problem_of

__all__ = ["Notifications", "Rule", "problem_of"]
