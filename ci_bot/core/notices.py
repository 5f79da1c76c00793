"""Branches whose gate turned red or green again: who is told what, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ci_bot.core.effects import Turn, Turned
from ci_bot.core.events import Repo
from ci_bot.core.gate import Conclusion, GateState
from ci_bot.core.markdown import clip, title
from ci_bot.core.model import Run, Verdict
from ci_bot.core.repo_names import is_named
from ci_bot.core.secret_rules import matches
from ci_bot.core.words import count, has_failed, listed

_BAD: Final = frozenset({Conclusion.FAILURE, Conclusion.TIMED_OUT})
_MOST_JOBS: Final = 5
_MOST_TITLE: Final = 120

BROKEN: Final = "{repo}: {branch} is broken"
WELL_AGAIN: Final = "{repo}: {branch} is well again"
FAILED: Final = "Failed: {jobs}"
#: What failed where no job did.
_VERDICTS: Final = {
    Verdict.CONFIG_BROKEN: "the configuration, which is broken",
    Verdict.CONFIG_MISSING: "the configuration, which is missing",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Plain text, everything foreign in it harmless: for whatever service shows it."""

    turn: Turn
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Who wants to hear of which branches; `branches` () is the default branch alone."""

    repositories: tuple[str, ...]  # patterns of "owner/name"
    branches: tuple[str, ...]  # patterns; `*` stops at a slash, `**` does not
    on: tuple[Turn, ...]
    targets: tuple[str, ...]  # names of addresses; no secret is in them


def turned(last: Turn | None, gate: GateState, head: Run) -> Turned | None:
    """What became of a branch whose newest push is `head`, from its commit's gate; None for no news.

    `last` is what was told of the branch before. Only a completed gate says anything, and one that was
    cancelled, or waits for a person, is neither red nor green.
    """
    if gate.conclusion in _BAD:
        turn = Turn.FAILURE
    elif gate.conclusion is Conclusion.SUCCESS:
        turn = Turn.RECOVERY
    else:
        return None
    if turn is last or (turn is Turn.RECOVERY and last is None):
        return None
    return Turned(
        repo=head.repo,
        branch=head.ref,
        run=head.key,
        turn=turn,
        failed=_failed(gate) if turn is Turn.FAILURE else (),
        attempts=sum(job.attempt for run in gate.runs for job in run.jobs),
    )


def targets(watches: tuple[Watch, ...], repo: Repo, branch: str, turn: Turn) -> tuple[str, ...]:
    """Everybody who is to hear of it, each once, however many watches name them."""
    found = [
        target for watch in watches if _hears(watch, repo, branch, turn) for target in watch.targets
    ]
    return tuple(dict.fromkeys(found))


def notice(of: Turned, run: Run, url: str, mask: Callable[[str], str]) -> Notice:
    """`mask` comes before anything is cut or changed; `url` is our own, of the run's log."""

    def shown(text: str, limit: int = _MOST_TITLE) -> str:
        return title(mask(text), limit).replace("<!", "<\u200b!")  # Slack's word to a whole channel

    form = BROKEN if of.turn is Turn.FAILURE else WELL_AGAIN
    who = f"Commit {run.sha[:7]} by {shown(run.actor.login)}"
    lines = [f"{who}: {shown(run.title)}" if run.title else who, url]
    if of.failed:
        jobs = listed([shown(name) for name in of.failed], _MOST_JOBS)
        lines.insert(0, FAILED.format(jobs=jobs) + _how_many(of.failed))
    return Notice(
        of.turn, clip(form.format(repo=of.repo.name, branch=shown(of.branch)), 250), "\n".join(lines)
    )


def _failed(gate: GateState) -> tuple[str, ...]:
    jobs = [job.name for run in gate.runs for job in run.jobs if has_failed(job)]
    verdicts = [_VERDICTS[run.verdict] for run in gate.runs if run.verdict in _VERDICTS]
    return tuple(dict.fromkeys([*jobs, *verdicts]))


def _how_many(failed: tuple[str, ...]) -> str:
    return f" ({count(len(failed), 'job')})" if len(failed) > 1 else ""


def _hears(watch: Watch, repo: Repo, branch: str, turn: Turn) -> bool:
    if turn not in watch.on or not is_named(repo.forge, repo.name, watch.repositories):
        return False
    if not watch.branches:
        return branch == repo.default_branch
    return any(matches(pattern, branch) for pattern in watch.branches)
