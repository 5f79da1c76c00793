"""Questions of conditions → answers within a deadline, from a process that can be killed for it."""

from ci_bot.evaluation.apart import Apart

__all__ = ["Apart"]
