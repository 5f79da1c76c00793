"""What the forge knows and no delivery told us: which deliveries to ask for again, which heads have no run.

Pure. `flow/reconcile.py` looks at the forge and acts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

from ci_bot.core.deciding.heads import WITH_LABELS, natural_key
from ci_bot.core.events import Actor, Pull, PullFound, PushFound, Repo, SchedulesFound
from ci_bot.core.model import Run, RunKind

#: How long GitHub delivers again what it could not deliver (GHES: 7 days).
#: https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
REDELIVERABLE_SECONDS: Final = 3 * 24 * 3600
#: Deliveries of one thing, the forge's own included, after which it is left to an operator.
MOST_ATTEMPTS: Final = 8
FIRST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 3600.0
#: A head younger than this may have a delivery under way.
UNDER_WAY_SECONDS: Final = 120.0

Found: TypeAlias = PullFound | PushFound
Letter: TypeAlias = Found | SchedulesFound


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of the forge to deliver something; tries of the same thing share the `guid`."""

    id: int
    guid: str
    at: float
    is_accepted: bool
    hook: str = ""  # opaque: where the forge's adapter asks for it again, if it has several hooks


@dataclass(frozen=True, slots=True)
class OpenPull:
    """An open pull request and when anything about it last changed, by the forge's clock."""

    pull: Pull
    updated_at: float


@dataclass(frozen=True, slots=True)
class LastPush:
    """What last moved a branch, by the forge's own record."""

    branch: str
    sha: str
    before: str
    actor: Actor
    at: float


@dataclass(frozen=True, slots=True)
class KnownRepo:
    """A repository that we serve, and since when: what is older than that starts nothing."""

    repo: Repo
    first_seen: float
    schedules_sha: str = ""  # the head of the default branch whose schedules are stored


def unanswered(attempts: Iterable[Attempt], now: float) -> tuple[Attempt, ...]:
    """Every attempt at what was never accepted and can still be delivered again, oldest first."""
    distinct = {attempt.id: attempt for attempt in attempts}.values()
    accepted = {attempt.guid for attempt in distinct if attempt.is_accepted}
    left = [
        attempt
        for attempt in distinct
        if attempt.guid not in accepted and now - attempt.at < REDELIVERABLE_SECONDS
    ]
    return tuple(sorted(left, key=lambda attempt: (attempt.at, attempt.id)))


def to_redeliver(failed: Sequence[Attempt], up_since: float, now: float) -> tuple[Attempt, ...]:
    """Attempts to ask for again, one for each thing, what failed first first.

    `failed` is what `unanswered` gave. What fails again and again is asked for ever more rarely; what
    failed before `up_since`, when this server began to listen, is asked for at once.
    """
    tries: dict[str, list[Attempt]] = {}
    for attempt in failed:
        tries.setdefault(attempt.guid, []).append(attempt)
    return tuple(each[-1] for each in tries.values() if _is_due(each, up_since, now))


def _is_due(tries: Sequence[Attempt], up_since: float, now: float) -> bool:
    if len(tries) >= MOST_ATTEMPTS:
        return False
    pause = min(FIRST_PAUSE * 2.0 ** (len(tries) - 1), LONGEST_PAUSE)
    return tries[-1].at < up_since or now - tries[-1].at >= pause


def heads_to_ask_about(
    known: KnownRepo, pulls: Sequence[OpenPull], push: LastPush | None, now: float
) -> tuple[Found, ...]:
    """Heads that a delivery should have told of by now.

    What did not change since the server first saw the repository is older than ci-bot there.
    """

    def counts(at: float) -> bool:
        return known.first_seen <= at <= now - UNDER_WAY_SECONDS

    found: list[Found] = [
        PullFound(known.repo, each.pull.number, each.pull.head_sha, each.pull.base_ref)
        for each in pulls
        if each.pull.is_open and counts(each.updated_at)
    ]
    if push is not None and counts(push.at):
        found.append(PushFound(known.repo, push.branch, push.sha, push.before, push.actor))
    return tuple(found)


def schedules_to_ask_about(
    known: KnownRepo, push: LastPush | None, now: float
) -> SchedulesFound | None:
    """The head of the default branch, however old it is, where its schedules are not known."""
    if push is None or push.sha == known.schedules_sha or now - push.at < UNDER_WAY_SECONDS:
        return None
    return SchedulesFound(known.repo, push.branch, push.sha, push.actor, int(now // 3600))


def key_of(found: Found) -> str:
    """The natural key of the run that it would have."""
    match found:
        case PullFound():
            ref = f"pull/{found.number}:{found.base_ref}"
            return natural_key(found.repo, RunKind.PULL_REQUEST, ref, found.sha)
        case PushFound():
            return natural_key(found.repo, RunKind.PUSH, found.branch, found.sha)


def is_known(found: Found, runs: Sequence[Run]) -> bool:
    """`runs` are those of its commit. A run that somebody cancelled is known, too: it stays so.

    With which labels a pull request was tested does not matter here: they have events of their own.
    """
    return key_of(found) in {run.key.partition(WITH_LABELS)[0] for run in runs}


# ── as a delivery of our own: the same finding is the same delivery ──────────────────────────


def letter_id(found: Letter) -> str:
    if isinstance(found, SchedulesFound):
        return f"schedules-{found.hour}-{found.sha}-{found.repo.key}"
    return "found-" + hashlib.sha256(key_of(found).encode()).hexdigest()[:32]


def to_letter(found: Letter) -> bytes:
    """Holds nothing that changes while the head stays: so it is stored and decided once."""
    kind = _KINDS[type(found)]
    return json.dumps({"found": kind, **asdict(found)}, sort_keys=True).encode()


_KINDS: Final[Mapping[type[Letter], str]] = {
    PullFound: "pull",
    PushFound: "push",
    SchedulesFound: "schedules",
}


def of_letter(body: bytes) -> Letter:
    """Of what `to_letter` wrote. Raises `ValueError` for anything else."""
    try:
        data: Mapping[str, Any] = json.loads(body)
        repo = Repo(**data["repo"])
        if data["found"] == "pull":
            return PullFound(repo, data["number"], data["sha"], data["base_ref"])
        actor = Actor(**data["actor"])
        if data["found"] == "schedules":
            return SchedulesFound(repo, data["branch"], data["sha"], actor, data["hour"])
        return PushFound(repo, data["branch"], data["sha"], data["before"], actor)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a finding of ours") from error
