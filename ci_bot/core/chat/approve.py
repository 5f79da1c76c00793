"""`/approve [sha]`: exactly this commit of an outsider may run, with the secrets that its steps name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ci_bot.core import asking
from ci_bot.core.asking import Candidate
from ci_bot.core.chat.asked import Asked, refused, taken, usage
from ci_bot.core.decisions import Decision
from ci_bot.core.manners import manners_of
from ci_bot.core.markdown import code
from ci_bot.core.model import Run, RunKind
from ci_bot.core.trust import Ruling

NAME: Final = "approve"
USAGE: Final = "approve [sha]"
SUMMARY: Final = "let exactly this commit run; a later push waits again"

#: A whole commit id: a part of one could be met by another commit, made for that.
_SHA: Final = re.compile(r"[0-9a-f]{40}")


def decide(args: Sequence[str], asked: Asked) -> Decision:
    """A bare approval counts only where its author must have seen the head that is there now."""
    problem = _wrong_sha(args, asked)
    if problem:
        return refused(asked, "approves nothing", problem, NAME)
    candidate = _candidate(asked)
    why = asking.refusal(asked.repo, candidate, asked.person)
    if why:
        return refused(asked, why, _in_words(why, asked), NAME)
    decision = asking.approve(
        asked.repo, asked.sha, [candidate], asked.person, asked.event.comment, asked.now
    )
    keys = [run.key for run in (candidate.run,) if run] + [new.key for new in decision.create]
    return taken(asked, decision, *dict.fromkeys(keys))


def _candidate(asked: Asked) -> Candidate:
    return Candidate(_waiting(asked.gating), asked.approved, asked.pull, asked.withdraw)


def _waiting(runs: Sequence[Run]) -> Run | None:
    """The run that an approval is about: what waits, before what runs without secrets."""
    of_pull = [run for run in runs if run.kind is RunKind.PULL_REQUEST] or list(runs)
    held = [run for run in of_pull if not run.ruling.may_start]
    without = [run for run in of_pull if run.ruling is Ruling.RUN_WITHOUT_SECRETS]
    return next(iter([*held, *without, *of_pull]), None)


def _wrong_sha(args: Sequence[str], asked: Asked) -> str:
    pull = manners_of(asked.repo.forge).pull
    line = f"```\n{usage(asked.prefix, f'approve {asked.sha}')}\n```"
    now = f"The head is {code(asked.sha[:7])} now. To let exactly this commit run:\n\n{line}"
    if not args:
        if asking.was_there(asked.head_at, asked.forced_at, asked.event.at):
            return ""
        return (
            f"The head may have changed while this was written. Look at {code(asked.sha[:7])}; then, "
            f"to let exactly this commit run:\n\n{line}"
        )
    if len(args) > 1:
        return f"One commit at a time, please. {now}"
    if not _SHA.fullmatch(args[0]):
        return f"{code(args[0])} is not a whole commit id. {now}"
    if args[0] != asked.sha:
        return f"{code(args[0][:7])} is not the head of this {pull}. {now}"
    return ""


def _in_words(why: str, asked: Asked) -> str:
    if why == asking.NOT_WAITING:
        return f"Nothing waits for approval on {code(asked.sha[:7])}."
    return f"{why[0].upper()}{why[1:]}."
