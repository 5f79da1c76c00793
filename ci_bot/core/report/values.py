"""What a forge is asked to show, in no forge's words: checks and comments as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ci_bot.core.events import Button
from ci_bot.core.gate import CheckState, Conclusion
from ci_bot.core.markdown import MAX_MARKDOWN

__all__ = [
    "MAX_MARKDOWN",
    "Action",
    "Annotation",
    "CheckReport",
    "CheckState",
    "CommentReport",
    "Conclusion",
    "DeploymentReport",
    "DeploymentState",
    "Spot",
]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on lines of a file; `level` is "failure", "warning" or "notice"."""

    path: str
    line: int
    message: str
    title: str = ""
    level: str = "failure"
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A button of a completed check. GitHub's limits: 20, 40 and 20 characters, three of them."""

    label: str
    description: str
    button: Button


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a check is shown: on a commit, and under what brought it, where the forge tells these apart.

    `pull` is the pull request whose head it is; then `ref` is a branch of the head's own repository.
    `counts` False for what keeps nobody from merging (a job that may fail, a run by hand): some forges
    fold all that a commit has into one answer, and that must be the gate's.
    """

    sha: str
    ref: str = ""  # a branch or tag without "refs/…/", or a merge queue's ref; "" if not known
    pull: int | None = None
    is_tag: bool = False
    counts: bool = True


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check on one commit, as it should stand on the forge.

    `title` is one line without markup; `summary` and `text` are Markdown, each at most
    `MAX_MARKDOWN` bytes of UTF-8, everything foreign in them escaped. `coverage` is what the job's
    tests covered, 0 to 100, for forges that keep such a number; checks of many jobs have none, since
    GitLab takes the mean of all that a pipeline's statuses say.
    """

    name: str
    state: CheckState
    conclusion: Conclusion | None  # set exactly when completed
    title: str
    summary: str
    details_url: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()
    actions: tuple[Action, ...] = ()  # completed checks alone
    started_at: float | None = None
    finished_at: float | None = None
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class CommentReport:
    """The sticky comment of a pull request: Markdown whose first line is the hidden `marker`."""

    marker: str
    body: str


class DeploymentState(StrEnum):
    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"  # it ended otherwise than by its own doing
    INACTIVE = "inactive"  # it counts no more

    @property
    def is_final(self) -> bool:
        return self is not DeploymentState.IN_PROGRESS


@dataclass(frozen=True, slots=True)
class DeploymentReport:
    """One deployment of one commit, as it should stand on the forge."""

    environment: str  # "" for one that is there and keeps its own
    state: DeploymentState
    description: str  # one line without markup
    log_url: str
