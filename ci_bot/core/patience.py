"""How long to wait before something that failed is tried again, and when to stop trying."""

from __future__ import annotations

from typing import Final

from ci_bot.core.errors import (
    ForgeBusy,
    ForgeDenied,
    ForgeError,
    NoticeFailed,
    SettingsError,
    StoreError,
    WorkspaceError,
)

GIVE_UP_AFTER: Final = 3  # failures of our own code on one item: then a person must look
GIVE_UP_REFUSED: Final = 8  # refusals by the forge (4xx): a few minutes, for what is about to be there
GIVE_UP_NOTICE: Final = 12  # a service that takes no notification: after half an hour it is stale
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
    if _is_outage(error):
        return False
    if isinstance(error, NoticeFailed):
        return tries + 1 >= GIVE_UP_NOTICE
    return tries + 1 >= (GIVE_UP_REFUSED if isinstance(error, ForgeError) else GIVE_UP_AFTER)


def is_worth_waiting(error: ForgeError | WorkspaceError) -> bool:
    """True where what a job needs of the forge may be had a little later."""
    return error.is_passing if isinstance(error, WorkspaceError) else _is_outage(error)


def may_pass(error: Exception) -> bool:
    """Whether a new attempt, a little later, may do better than the one that this ended."""
    if isinstance(error, WorkspaceError):
        return not error.is_lasting
    if isinstance(error, ForgeError):
        return _is_outage(error)
    return not isinstance(error, SettingsError)


def _is_outage(error: Exception) -> bool:
    if isinstance(error, ForgeError) and not isinstance(error, ForgeDenied):
        return isinstance(error, ForgeBusy) or not 400 <= error.status < 500
    return isinstance(error, StoreError)
