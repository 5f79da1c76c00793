"""A group or project gets the hook by which GitLab tells us of it. I/O."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """What GitLab is to prove itself with: `signing` ("whsec_…") from 19.0 on, else `plain`. "" for none."""

    signing: str = field(default="", repr=False)
    plain: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HookConnection:
    """How a group or project is connected now."""

    where: str  # its full path
    is_group: bool
    hook: int
    is_new: bool  # False where a hook of ours was there and was brought in line
    is_signed: bool  # by the signing token; else GitLab sends the plain one
    level: int  # the token's own access level there
    problems: tuple[str, ...]  # what somebody must do, each with its remedy
    notes: tuple[str, ...]  # what somebody should know
