"""What a person asks of runs that exist, by a button or a command, to Decisions; who may is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ci_bot.core.decisions import (
    Approve,
    AuditLine,
    Cancel,
    Decision,
    GiveSecrets,
    NewRun,
    Retry,
    SeeRepo,
    Withdraw,
)
from ci_bot.core.events import Button, ButtonPressed, Pull, Repo, RerunAsked
from ci_bot.core.manners import manners_of
from ci_bot.core.model import Run, Verdict
from ci_bot.core.trust import Role, Ruling, Vouched, Voucher

#: A bare approval counts for a head that was there so many seconds before the comment.
HEAD_MARGIN: Final = 60.0

OWN_CHANGE: Final = "nobody approves their own {pull}: {other} has to"
NEVER: Final = "this repository runs nothing for people without write access; no approval changes that"
NOT_ENOUGH: Final = "approving what others wrote takes a higher role here: ask {approver}"
NOT_WAITING: Final = "nothing waits for approval on"


def decide_rerun(event: RerunAsked, clicker: Vouched, runs: Sequence[Run], job: str | None) -> Decision:
    """Re-run was pressed: `runs` are those that the check stands for, `job` is the key of its job.

    `job` None means all of them. A run keeps the trust of its first attempt, so a held one stays held.
    """
    refused = _may_not(event.repo, clicker, "re-run")
    return refused or retry(event.repo, event.sha, runs, clicker, (job,) if job else ())


def decide_button(
    event: ButtonPressed,
    clicker: Vouched,
    runs: Sequence[Run],
    job: str | None,
    candidates: Sequence[Candidate],
    now: float,
) -> Decision:
    """A button of a check is bound to that check's sha; `runs` and `job` are what the check stands for.

    `candidates` are what waits on the sha, each with what would run.
    """
    refused = _may_not(event.repo, clicker, f'press "{event.button}"')
    if refused:
        return refused
    match event.button:
        case Button.APPROVE:
            return approve(event.repo, event.sha, candidates, clicker, None, now)
        case Button.RETRY_FAILED:
            return retry(event.repo, event.sha, runs, clicker, (job,) if job else ())
        case Button.RETRY_ALL:
            return retry(event.repo, event.sha, runs, clicker, (job,) if job else (), whole=True)


def _may_not(repo: Repo, person: Vouched, what: str) -> Decision | None:
    if person.may_write:
        return None
    return Decision(f"{who(person)} has no write access and may not {what}", repos=(SeeRepo(repo),))


# ── trying again, ending ─────────────────────────────────────────────────────────────────────


def retry(
    repo: Repo,
    sha: str,
    runs: Sequence[Run],
    person: Vouched,
    jobs: Sequence[str] = (),
    *,
    whole: bool = False,
) -> Decision:
    """A new attempt of what did not succeed, or of some jobs, or of everything."""
    live = tuple(run.id for run in runs if not run.superseded)
    seen = (SeeRepo(repo),)
    if not live:
        return Decision(f"nothing to re-run on {sha[:7]}", repos=seen)
    again = Retry(repo.key, sha, live, person.actor, tuple(jobs), whole)
    what = _jobs(jobs) if jobs else "everything" if whole else "what did not succeed"
    line = audit("retry", person, repo, sha, detail=what)
    return Decision(f"{who(person)} re-runs {what}", retry=(again,), audit=(line,), repos=seen)


def cancel(
    repo: Repo, sha: str, runs: Sequence[Run], person: Vouched, jobs: Sequence[str] = ()
) -> Decision:
    """The end of what is unfinished; `jobs` () means all of it."""
    ending = Cancel(tuple(run.id for run in runs), f"cancelled by {who(person)}", tuple(jobs))
    what = _jobs(jobs) if jobs else "everything"
    line = audit("cancel", person, repo, sha, detail=what)
    return Decision(f"{who(person)} cancels {what}", cancel=(ending,), audit=(line,))


def _jobs(keys: Sequence[str]) -> str:
    return ", ".join(f'job "{key}"' for key in keys)


# ── approving ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Candidate:
    """A commit that somebody may let run.

    `run` is what is known of it, None if nothing; `planned` is what would run if it were approved,
    already judged so, None where neither it nor its base has a configuration.
    """

    run: Run | None
    planned: NewRun | None
    pull: Pull | None
    withdraw: tuple[Withdraw, ...] = ()  # what its run takes the place of

    @property
    def waits(self) -> bool:
        if self.run is None:
            return self.planned is not None
        return self.run.ruling is not Ruling.RUN


def approval(person: Vouched, now: float) -> Voucher:
    return Voucher(person.actor, Role.APPROVER, person.permission, now)


def approve(
    repo: Repo,
    sha: str,
    candidates: Sequence[Candidate],
    person: Vouched,
    comment: int | None,
    now: float,
) -> Decision:
    """Lets what waits on exactly this sha run, with its secrets. Call `refusal` first, to have words."""
    seen = (SeeRepo(repo),)
    waiting = [each for each in candidates if not refusal(repo, each, person)]
    if not waiting:
        why = refusal(repo, candidates[0], person) if candidates else NOT_WAITING
        return Decision(f"{who(person)} approves nothing: {why} {sha[:7]}", repos=seen)
    voucher = approval(person, now)
    records = tuple(_record(repo, sha, each, voucher, comment) for each in waiting)
    ran = tuple(each.run.id for each in waiting if each.run and each.run.verdict is not Verdict.HELD)
    create = tuple(each.planned for each in waiting if each.planned and not _has_run(each))
    return Decision(
        f"{who(person)} approves {sha[:7]}",
        approve=records,
        create=create,
        withdraw=tuple(part for each in waiting if not _has_run(each) for part in each.withdraw),
        give_secrets=(GiveSecrets(ran, voucher),) if ran else (),
        audit=(
            audit("approve", person, repo, sha, detail=f"comment {comment}" if comment else "button"),
        ),
        repos=seen,
    )


def refusal(repo: Repo, candidate: Candidate, person: Vouched) -> str:
    """Why this person's approval does not let it run, "" if it does."""
    if not candidate.waits:
        return NOT_WAITING
    manners = manners_of(repo.forge)
    if not person.may_approve:
        return NOT_ENOUGH.format(approver=manners.approver)
    if candidate.pull is not None and candidate.pull.author.id == person.actor.id:
        return OWN_CHANGE.format(pull=manners.pull, other=manners.other_approver)
    if candidate.planned is not None and candidate.planned.ruling is Ruling.REFUSE:
        return NEVER
    return ""


def _has_run(candidate: Candidate) -> bool:
    return candidate.run is not None and candidate.run.verdict is not Verdict.HELD


def _record(
    repo: Repo, sha: str, candidate: Candidate, voucher: Voucher, comment: int | None
) -> Approve:
    pull = candidate.pull
    number, author = (pull.number, pull.author.id) if pull else (None, 0)
    return Approve(repo.key, sha, number, author, voucher, comment)


def was_there(head_at: float | None, forced_at: float | None, comment_at: float) -> bool:
    """Whether the head that is there now was there well before the comment, as far as the forge shows.

    `head_at` is since when it is the head, by the event that brought it; `forced_at` when the head was
    last moved by force. Who leaves a head and comes back to it must force one of the two moves, so a
    later force says that what was there at the time of the comment may have been something else. So
    does one at the same moment, as the forge tells them to the second: also a head that was itself brought
    by force is approved by its sha.
    """
    if head_at is None or not head_at:
        return False
    if forced_at is not None and forced_at >= head_at:
        return False
    return head_at + HEAD_MARGIN <= comment_at


# ── words ────────────────────────────────────────────────────────────────────────────────────


def who(person: Vouched) -> str:
    """A token is no account, and its name must not call upon one."""
    return f"@{person.actor.login}" if person.actor.id else person.actor.login


def audit(
    action: str, person: Vouched, repo: Repo, sha: str, *, run: str = "", detail: str = ""
) -> AuditLine:
    return AuditLine(action, person.actor, person.permission, repo.key, sha, run, detail=detail)
