"""What GitLab says about a project in; what lets merges past our results, and how to mend it, out. Pure.

https://docs.gitlab.com/user/project/merge_requests/auto_merge/#require-a-successful-pipeline-for-merge
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ci_bot.core.errors import ForgeError
from ci_bot.core.markdown import NAME_LENGTH, clip, one_line
from ci_bot.core.report.names import GATE
from ci_bot.forges.gate import GateExamination
from ci_bot.forges.gitlab.levels import DEVELOPER
from ci_bot.forges.payload import Fields, WrongShape

NOT_REQUIRED: Final = (
    "nothing requires {gate} in {project}, so a merge request can be merged while it fails or has not run; "
    "switch on Pipelines must succeed, in the project's Settings, Merge requests, Merge checks"
)
EMPTY_PASSES: Final = (
    "{project} takes skipped pipelines for successful ones, so a merge request whose jobs were all skipped "
    "is merged; switch that off beside Pipelines must succeed"
)
NO_CI: Final = (
    "CI/CD is switched off in {project}, and with it all pipelines, those of other systems too; switch it "
    "on in Settings, General, Visibility (without runners and .gitlab-ci.yml it runs nothing)"
)
NO_LEVEL: Final = (
    "the bot's role in {project} is {level}, and statuses are taken from Developers (30) on; make it one in "
    "Manage, Members"
)
PROTECTED: Final = (
    "{branch} of {project} is protected, and the bot may neither push nor merge there: GitLab takes no status "
    "on it from the bot; make it a Maintainer, or allow it in Settings, Repository, Protected branches"
)
OWN_PIPELINES: Final = (
    "{project} has a .gitlab-ci.yml or Auto DevOps beside ci-bot: GitLab looks at the newest pipeline of a "
    "head alone, and that may be one without {gate}; remove the file or switch its pipelines off with "
    "`workflow: rules`"
)
TRAINS: Final = (
    "merge trains are on in {project}: a train is let through by pipelines of GitLab's own runners, which "
    "ci-bot is not told of; switch merge trains off in Settings, Merge requests"
)
FORK: Final = (
    "!{number} comes from {fork}, where the bot is no Developer: GitLab takes a status from Developers of "
    "the fork alone, so {gate} stands in the note there and keeps nobody from merging; have its owner add "
    "{bot} as a Developer, or push the commit to a branch of {project}"
)
MOST_FORKS: Final = 5


@dataclass(frozen=True, slots=True)
class ForkHead:
    """An open merge request from a fork, and whether our status is taken there."""

    number: int
    fork: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Found:
    """GitLab's answers: `project` as https://docs.gitlab.com/api/projects/#get-a-single-project has it."""

    project: Any
    level: int  # the bot's own access level
    bot: str  # its user name
    has_ci_file: bool
    may_update: bool  # whether the bot may push to, or merge into, the default branch
    forks: Sequence[ForkHead]


def examination(found: Found) -> GateExamination:
    """Raises `ForgeError` for answers that describe no project."""
    try:
        project = Fields.of(found.project)
        branch = project.name("default_branch") if project.has("default_branch") else ""
        path = _shown(project.text("path_with_namespace"))
    except WrongShape as error:
        raise ForgeError(f"GitLab's answer does not describe the project: {error}") from error
    words = {"project": path, "gate": GATE, "level": found.level, "branch": _shown(branch)}
    plain = tuple(text.format(**words) for text in _problems(project, found))
    forks = tuple(_of_fork(each, found, words) for each in found.forks if not each.is_ours)
    return GateExamination(branch, (*plain, *forks[:MOST_FORKS]), _has(project, "merge_trains_enabled"))


def _problems(project: Fields, found: Found) -> Iterator[str]:
    if not _has(project, "only_allow_merge_if_pipeline_succeeds"):
        yield NOT_REQUIRED
    elif _has(project, "allow_merge_on_skipped_pipeline"):
        yield EMPTY_PASSES
    if project.data.get("builds_access_level") == "disabled":
        yield NO_CI
    elif found.has_ci_file or _has(project, "auto_devops_enabled"):
        yield OWN_PIPELINES
    if found.level < DEVELOPER:
        yield NO_LEVEL
    elif not found.may_update:
        yield PROTECTED
    if _has(project, "merge_trains_enabled"):
        yield TRAINS


def _of_fork(head: ForkHead, found: Found, words: dict[str, Any]) -> str:
    return FORK.format(number=head.number, fork=_shown(head.fork), bot=f"@{found.bot}", **words)


def _shown(text: str) -> str:
    return clip(one_line(text), NAME_LENGTH)


def _has(project: Fields, key: str) -> bool:
    return project.data.get(key) is True
