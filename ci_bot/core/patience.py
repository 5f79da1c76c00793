"""How long to wait before something that failed is tried again, and when to stop trying."""

from __future__ import annotations

from typing import Final

from ci_bot.core.errors import CiBotError, ForgeBusy, ForgeDenied

GIVE_UP_AFTER: Final = 3  # failures of our own code on one item: then a person must look
GIVE_UP_DENIED: Final = 8  # refusals by the forge: about half an hour
LONGEST: Final = 300.0
SHORTEST: Final = 1.0


def pause(error: Exception, tries: int) -> float:
    """Seconds until the next try, `tries` being the failures before this one."""
    if isinstance(error, ForgeBusy):
        return max(error.seconds, SHORTEST)
    return float(min(SHORTEST * 2 ** min(tries, 10), LONGEST))


def is_hopeless(error: Exception, tries: int) -> bool:
    """True where trying again cannot help: a bug of ours met thrice, or a refusal that stays.

    An outage of the forge or of the database is waited out, however long it lasts.
    """
    if isinstance(error, ForgeDenied):
        return tries + 1 >= GIVE_UP_DENIED
    if isinstance(error, CiBotError):
        return False
    return tries + 1 >= GIVE_UP_AFTER
