"""What the templates show of checks and statuses: icons, words and sums. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..gates import Gate, latest_runs, latest_statuses, run_state, status_state
from ..rendering import plural, took
from ..state import CheckRun, Deployment, Json, Repo, Status

# state → (icon, word)
_ICONS = {
    "success": ("pass", "Successful"),
    "failure": ("fail", "Failing"),
    "timed_out": ("fail", "Timed out"),
    "error": ("fail", "Error"),
    "cancelled": ("stop", "Cancelled"),
    "skipped": ("skip", "Skipped"),
    "neutral": ("neutral", "Neutral"),
    "action_required": ("attention", "Action required"),
    "queued": ("wait", "Queued"),
    "pending": ("busy", "Pending"),
    "in_progress": ("busy", "In progress"),
    "inactive": ("neutral", "Inactive"),
    "expected": ("wait", "Expected"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the merge box, of a check or of a status."""

    name: str
    icon: str
    word: str
    detail: str
    href: str | None
    by: str
    required: bool
    state: str
    external: bool = False
    buttons: tuple[Json, ...] = ()  # of a completed run: label, description and identifier


def deployment(one: Deployment) -> Line:
    """A deployment as a row: where to, how it stands, its log."""
    icon, word = _ICONS[one.state]
    log_url = one.statuses[-1].log_url if one.statuses else ""
    return Line(
        name=one.environment,
        icon=icon,
        word=word,
        detail=f"{word} — {one.description}" if one.description else word,
        href=log_url or None,
        by=one.creator.login,
        required=False,
        state=one.state,
        external=True,
    )


def line_of_run(repo: Repo, run: CheckRun, required: set[str]) -> Line:
    key = run.conclusion if run.status == "completed" and run.conclusion else run.status
    icon, word = _ICONS[key]
    lasted = took(run.started_at, run.completed_at)
    words = f"{word} in {lasted}" if run.completed_at and icon in ("pass", "fail") else word
    title = run.output.get("title")
    return Line(
        name=run.name,
        icon=icon,
        word=word,
        detail=f"{words} — {title}" if title else words,
        href=f"/{repo.full_name}/runs/{run.id}",
        by=run.suite.app.slug,
        required=run.name in required,
        state=run_state(run),
        buttons=tuple(run.actions) if run.status == "completed" else (),
    )


def line_of_status(status: Status, required: set[str]) -> Line:
    icon, word = _ICONS[status.state]
    return Line(
        name=status.context,
        icon=icon,
        word=word,
        detail=status.description or word,
        href=status.target_url,
        by=status.creator.login.removesuffix("[bot]"),
        required=status.context in required,
        state=status_state(status),
        external=True,
    )


def lines(repo: Repo, sha: str, gates: list[Gate]) -> list[Line]:
    """What needs a person first, the required before the rest; expected ones have a row too."""
    required = {gate.context for gate in gates}
    found = [line_of_run(repo, run, required) for run in latest_runs(repo, sha)]
    found += [line_of_status(one, required) for one in latest_statuses(repo, sha)]
    for gate in gates:
        if gate.state == "expected":
            icon, word = _ICONS["expected"]
            text = f"{word} — waiting for it to be reported"
            found.append(Line(gate.context, icon, word, text, None, "", True, "expected"))
    order = {"failing": 0, "expected": 1, "pending": 2, "passing": 3}
    return sorted(found, key=lambda one: (order[one.state], not one.required, one.name))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline above the rows: ``tone`` colours it."""

    tone: str
    title: str
    counts: str


def verdict(rows: list[Line]) -> Verdict | None:
    if not rows:
        return None
    words = Counter(row.word.lower() for row in rows)
    counts = ", ".join(f"{number} {word}" for word, number in words.most_common())
    text = f"{counts} {plural(len(rows), 'check').split(' ', 1)[1]}"
    states = {row.state for row in rows}
    if any(row.icon == "attention" for row in rows):
        return Verdict("attention", "Something is waiting for a person", text)
    if "failing" in states:
        return Verdict("fail", "Some checks were not successful", text)
    if states & {"pending", "expected"}:
        return Verdict("busy", "Some checks are not finished yet", text)
    return Verdict("pass", "All checks have passed", text)


def mark(repo: Repo, sha: str) -> Line | None:
    """The small icon beside a commit: the worst of its checks."""
    rows = lines(repo, sha, [])
    return rows[0] if rows else None


def tally(repo: Repo, sha: str) -> str:
    rows = lines(repo, sha, [])
    good = sum(1 for row in rows if row.state == "passing")
    return f"{good} / {len(rows)} checks OK"


def pill(run: CheckRun) -> tuple[str, str]:
    """(icon, word) of a run, as the check page shows it."""
    key = run.conclusion if run.status == "completed" and run.conclusion else run.status
    return _ICONS[key]
