"""From what the forge is known to show to what must be sent: the pure half of the publisher."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from ci_bot.core.report.values import CheckReport, CheckState, CommentReport, DeploymentReport


@dataclass(frozen=True, slots=True)
class Published:
    """What we know of one check or comment on the forge.

    `generation` counts check runs of one name. `sent` True with `accepted` "" means that we asked for a
    check to be made or to be completed, and do not know whether it was: look before asking again.
    """

    name: str
    generation: int = 1
    handle: str | None = None
    sent: bool = False
    accepted: str = ""  # fingerprint of what the forge last accepted, "" for nothing
    is_final: bool = False  # completed: a change needs the next generation


def fingerprint(report: CheckReport | CommentReport | DeploymentReport) -> str:
    """Equal for equal reports, over restarts and upgrades too."""
    said = asdict(report)
    if said.get("coverage", ...) is None:  # or a release that knows of it would send all checks anew
        del said["coverage"]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def external_id(subject: int, published: Published) -> str:
    """How our check is found again on the forge; unique for each check run that we mean to create."""
    return f"{subject}/{published.generation}/{published.name}"


def next_state(known: Published | None, report: CheckReport) -> Published | None:
    """What to send `report` as, None where the forge shows it already.

    A completed check is final: another text or a new attempt is a new check of the same name.
    """
    if known is None:
        return Published(report.name)
    if known.accepted == fingerprint(report):
        return None
    if known.is_final:
        return Published(known.name, known.generation + 1)
    return known


@dataclass(frozen=True, slots=True)
class FoundCheck:
    """What the forge has of one of our checks; `conclusion` None while it is not completed."""

    handle: str
    conclusion: str | None


def is_unknown(state: Published) -> bool:
    return state.sent and not state.accepted


def before_sending(state: Published, report: CheckReport) -> Published:
    """What must be stored before the request leaves, since its answer may never be heard."""
    return replace(state, sent=True, accepted="" if report.conclusion else state.accepted)


def resumed(state: Published, report: CheckReport, found: FoundCheck | None) -> Published:
    """What is known after a look at the forge.

    A check that was completed, and otherwise than we want it now, is final: the next one is made.
    """
    if found is None:
        return state
    if found.conclusion not in (None, report.conclusion):
        return Published(state.name, state.generation + 1)
    return replace(state, handle=found.handle)


def accepted(published: Published, report: CheckReport, handle: str) -> Published:
    return replace(
        published,
        handle=handle,
        sent=True,
        accepted=fingerprint(report),
        is_final=report.state is CheckState.COMPLETED,
    )


def in_order(
    reports: Iterable[CheckReport], known: Mapping[str, Published]
) -> list[tuple[CheckReport, Published]]:
    """What to send, first things first: the gate's first sight, then conclusions, then progress."""
    wanted = [
        (report, state)
        for report in reports
        if (state := next_state(known.get(report.name), report)) is not None
    ]
    return sorted(wanted, key=lambda pair: _rank(*pair))


def _rank(report: CheckReport, state: Published) -> int:
    if report.state is CheckState.COMPLETED:
        return 1
    return 0 if state.handle is None and " / " not in report.name else 2


def is_mere_progress(report: CheckReport, state: Published) -> bool:
    """True for an update that says nothing final about a check that is there already."""
    return state.handle is not None and report.state is not CheckState.COMPLETED
