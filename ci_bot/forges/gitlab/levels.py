"""GitLab's access levels in, our permissions out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ci_bot.core.events import Permission

#: https://docs.gitlab.com/api/members/#roles
GUEST: Final = 10
DEVELOPER: Final = 30
MAINTAINER: Final = 40
OWNER: Final = 50


@dataclass(frozen=True, slots=True)
class Levels:
    """From which access level on somebody's word counts: to run, and to approve what others wrote."""

    run: int = DEVELOPER
    approve: int = MAINTAINER

    def permission(self, level: int) -> Permission:
        if level >= self.approve:
            return Permission.ADMIN
        if level >= self.run:
            return Permission.WRITE
        return Permission.READ if level >= GUEST else Permission.NONE


LEVELS: Final = Levels()
