"""An App that a person makes in the browser: what was given out in, whether what comes back is ours out. Pure.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field, replace
from typing import Final

from ci_bot.core.errors import RegistrationRefused

#: The printed link, and each page that it leads to, are good for so long.
LINK_SECONDS: Final = 3600.0
STATE_SECONDS: Final = 3600.0
MOST_NAME: Final = 34  # characters of an App's name, which is unique on its forge

LINK_UNKNOWN: Final = (
    "There is nothing here. The link was used already, has expired or is incomplete; "
    "`ci-bot app create` prints a new one."
)
NO_CODE: Final = "GitHub sent no code: it did not make an App"
STATE_UNKNOWN: Final = (
    "this answer of GitHub's belongs to no page that is waiting for one: it was used already, or a newer "
    "page was opened since"
)
STATE_OLD: Final = "the page was left open for more than an hour"

_ORG: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class MadeApp:
    """What the forge gives out once, when an App is made."""

    id: int
    slug: str
    url: str  # of its page on the forge
    private_key: str = field(repr=False)  # PEM
    webhook_secret: str = field(repr=False)

    @property
    def install_url(self) -> str:
        return f"{self.url}/installations/new"


@dataclass(frozen=True, slots=True)
class Desk:
    """One set-up: `link` opens it for one browser, which then has `browser`; `state` is the newest page's.

    Each of the three is random, long and "" while it is not good for anything.
    """

    ends_at: float  # seconds since the epoch
    link: str = field(repr=False)
    browser: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    state_ends_at: float = 0.0

    def opened(self, link: str, browser: str, now: float) -> Desk | None:
        """For the browser that came with the link, and for no second one. None for a wrong link."""
        if now >= self.ends_at or not _same(self.link, link):
            return None
        return replace(self, link="", browser=browser)

    def is_for(self, browser: str, now: float) -> bool:
        return now < self.ends_at and _same(self.browser, browser)

    def waiting(self, state: str, now: float) -> Desk:
        """With a page that waits for the forge's answer; the page before it waits no more."""
        return replace(self, state=state, state_ends_at=now + STATE_SECONDS)

    def answered(self, state: str, now: float) -> Desk:
        """The page's state is used up. Raises `RegistrationRefused`."""
        if not _same(self.state, state):
            raise RegistrationRefused(STATE_UNKNOWN)
        if now >= self.state_ends_at:
            raise RegistrationRefused(STATE_OLD)
        return replace(self, state="")


def name_for(org: str) -> str:
    """A name that others have hardly taken: it is unique on the whole forge. "" for a person."""
    return f"ci-bot-{org}"[:MOST_NAME].rstrip("-") if org else "ci-bot"


def is_org(name: str) -> bool:
    """Whether it can be an organisation's name, so that it may stand in an address."""
    return _ORG.fullmatch(name) is not None


def _same(known: str, given: str) -> bool:
    """In constant time; nothing equals what is not there."""
    return bool(known) and hmac.compare_digest(known.encode(), given.encode("utf-8", "replace"))
