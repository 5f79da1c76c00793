"""The bot's database, the forge's ledger, the engine and the log files in; broken invariants in words out.

It knows the invariants of SAFETY section 1 and the names of tables, and imports nothing of ci-bot.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import docker

Row = dict[str, Any]

FINAL: Final = frozenset({"succeeded", "failed", "timed_out", "cancelled", "skipped", "broken"})
GATING: Final = frozenset({"push", "pull_request", "merge_group"})
TABLES: Final = ("deliveries", "repositories", "runs", "jobs", "steps", "subjects", "publications")
HEAD_ACTIONS: Final = frozenset({"opened", "reopened", "synchronize"})
GATE: Final = "ci-bot"
MARK: Final = "[ci-bot"
LINE: Final = re.compile(rb"^line (\d+)$")
HEAD: Final = re.compile(rb"^head ([0-9a-f]{40})$", re.MULTILINE)
#: Comments and reviews an installation may write in a minute and in an hour (I13).
PACE: Final = ((80, 60.0), (500, 3600.0))


@dataclass(frozen=True)
class Truth:
    """Every row that the bot stored, at one moment."""

    tables: Mapping[str, Sequence[Row]]

    @classmethod
    def of(cls, database: Path) -> Truth:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            return cls({name: _rows(connection, name) for name in TABLES})
        finally:
            connection.close()

    def __getitem__(self, table: str) -> Sequence[Row]:
        return self.tables[table]

    def steps_of(self, job: str) -> list[Row]:
        return [step for step in self["steps"] if step["job_id"] == job]

    def latest_jobs(self, run: str) -> list[Row]:
        """The latest attempt of each job of a run."""
        ordered = sorted(self["jobs"], key=lambda job: job["attempt"])
        return list({job["key"]: job for job in ordered if job["run_id"] == run}.values())


def _rows(connection: sqlite3.Connection, table: str) -> list[Row]:
    return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]


@dataclass
class Check:
    """One check run of the forge, as the ledger tells its life."""

    repo: str
    sha: str
    name: str
    states: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def is_completed(self) -> bool:
        return self.states[-1][0] == "completed"


def checks_of(ledger: Sequence[Row]) -> dict[int, Check]:
    """Every check run by its id, oldest first; requests that had no effect are left out."""
    found: dict[int, Check] = {}
    for entry in ledger:
        match = re.fullmatch(r"/repos/([^/]+/[^/]+)/check-runs(?:/(\d+))?", entry.get("path", ""))
        if match is None or not _took_effect(entry):
            continue
        body, number = entry["request"], match[2]
        if entry["method"] == "POST":
            found[int(entry["made"])] = Check(match[1], body["head_sha"], body["name"])
        if entry["method"] in ("POST", "PATCH") and "status" in body:
            check = found[int(number or entry["made"])]
            check.states.append((body["status"], body.get("conclusion")))
    return found


def _took_effect(entry: Row) -> bool:
    return 200 <= entry["status"] < 300 or entry.get("fault") in ("cut_after", "status_after")


class Starts:
    """Listens to the engine from now on: which containers of one server were started, in order."""

    def __init__(self, instance: str) -> None:
        self._client = docker.APIClient(timeout=600)
        wanted = {"event": "start", "label": f"ci-bot.instance={instance}"}
        self._events = self._client.events(decode=True, filters=wanted)
        self.seen: list[tuple[str, str]] = []  # job id, step
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._events.close()
        self._client.close()

    def _listen(self) -> None:
        for event in self._events:
            labels = event["Actor"]["Attributes"]
            if "ci-bot.job" not in labels:  # the container that looks whether the engine sees our files
                continue
            self.seen.append((labels["ci-bot.job"], labels["ci-bot.step"]))


@dataclass(frozen=True)
class Evidence:
    """What is looked at. `ledger` is the forge's, of this bot's App alone from its first day on."""

    data: Path
    ledger: Sequence[Row]
    app: str
    starts: Sequence[tuple[str, str]]
    open_pulls: Mapping[tuple[str, int], str]  # (repository's name, number) → head

    @property
    def truth(self) -> Truth:
        return Truth.of(self.data / "ci-bot.db")

    @property
    def instance(self) -> str:
        return (self.data / "instance").read_text().strip()


def broken(evidence: Evidence) -> list[str]:
    """Every invariant that does not hold now, in words; [] once the system is quiet and well."""
    truth = evidence.truth
    checks = checks_of(evidence.ledger)
    return [
        *(f"I1 {words}" for words in _lost(truth, evidence)),
        *(f"I2 {words}" for words in _not_decided(truth)),
        *(f"I2 {words}" for words in _not_tested(truth, evidence)),
        *(f"I3 {words}" for words in _endless(truth)),
        *(f"I4 {words}" for words in _disagreeing(truth, checks)),
        *(f"I5 {words}" for words in _out_of_order(checks)),
        *(f"I6 {words}" for words in _false_green(truth, evidence.data)),
        *(f"I7 {words}" for words in _twice(evidence.starts)),
        *(f"I8 {words}" for words in _left_over(evidence)),
        *(f"I9 {words}" for words in _torn_logs(truth, evidence.data)),
        *(f"I13 {words}" for words in _impolite(evidence.ledger)),
    ]


# ── events ───────────────────────────────────────────────────────────────────────────────────


def _lost(truth: Truth, evidence: Evidence) -> Iterator[str]:
    """A 202 says "stored"; what asks for nothing is answered 200."""
    stored = {row["delivery_id"] for row in truth["deliveries"]}
    for entry in evidence.ledger:
        is_ours = entry["kind"] == "delivery" and entry["app"] == evidence.app
        if is_ours and entry["status"] == 202 and entry["guid"] not in stored:
            yield f"{entry['event']} {entry['guid']} was acknowledged and is not there"


def _not_decided(truth: Truth) -> Iterator[str]:
    for row in truth["deliveries"]:
        if row["state"] != "done" or not row["reason"]:
            yield f"delivery {row['id']} is {row['state']}: {row['reason']!r}, {row['tries']} tries"
    keys = Counter(
        (run["repo"], run["kind"], run["pull"] or run["ref"], run["base_ref"], run["sha"])
        for run in truth["runs"]
    )
    yield from (f"{count} runs of {key}" for key, count in keys.items() if count > 1)


def _not_tested(truth: Truth, evidence: Evidence) -> Iterator[str]:
    """An open pull request whose head we were told of has a live run that nobody called off."""
    keys = {repo["name"]: repo["key"] for repo in truth["repositories"]}
    told = set(_told_heads(truth))
    for (name, number), sha in evidence.open_pulls.items():
        if (name, number, sha) not in told:
            continue
        live = [
            run
            for run in truth["runs"]
            if (run["repo"], run["pull"], run["sha"]) == (keys[name], number, sha)
            and not run["superseded"]
        ]
        jobs = [job for run in live for job in truth.latest_jobs(run["id"])]
        called_off = [job["reason"] for job in jobs if job["status"] == "cancelled"]
        if not live:
            yield f"#{number} of {name} is open at {sha[:7]} and has no live run"
        elif called_off:
            yield f"#{number} of {name} is open at {sha[:7]} and was cancelled: {called_off[0]}"


def _told_heads(truth: Truth) -> Iterator[tuple[str, int, str]]:
    for row in truth["deliveries"]:
        body = json.loads(row["body"])
        pull = body.get("pull_request")
        if pull and body.get("action") in HEAD_ACTIONS:
            yield body["repository"]["full_name"], pull["number"], pull["head"]["sha"]


# ── ends ─────────────────────────────────────────────────────────────────────────────────────


def _endless(truth: Truth) -> Iterator[str]:
    now = time.time()
    for job in truth["jobs"]:
        if job["status"] == "running" and job["lease_until"] < now:
            late = now - job["lease_until"]
            yield f"job {job['id']} runs under a lease that ended {late:.0f} s ago"
        elif job["status"] not in FINAL:
            yield f"job {job['id']} is {job['status']}"
    final = {job["id"] for job in truth["jobs"] if job["status"] in FINAL}
    for step in truth["steps"]:
        if step["job_id"] in final and step["status"] not in FINAL:
            yield f"step {step['position']} of the ended job {step['job_id']} is {step['status']}"


def _disagreeing(truth: Truth, checks: Mapping[int, Check]) -> Iterator[str]:
    for number, check in checks.items():
        if not check.is_completed:
            yield f"check {number} ({check.name} on {check.sha[:7]}) is left {check.states[-1][0]}"
    for subject in truth["subjects"]:
        if subject["wanted"] > subject["shown"]:
            what = subject["sha"][:7] or f"#{subject['pull']}"
            yield f"what {what} should show is not shown: {subject['reason']!r}"
    names = {repo["key"]: repo["name"] for repo in truth["repositories"]}
    newest = {(check.repo, check.sha, check.name): check for check in checks.values()}
    for (key, sha), conclusion in _wanted_gates(truth).items():
        gate = newest.get((names[key], sha, GATE))
        shown = gate.states[-1][1] if gate else None
        if (shown == "success") != (conclusion == "success"):
            yield f"{GATE} on {sha[:7]} shows {shown}, the rows say {conclusion}"


def _wanted_gates(truth: Truth) -> dict[tuple[str, str], str]:
    """(repository, sha) → success or not, from the live runs that gate it."""
    ends: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for run in truth["runs"]:
        if run["kind"] in GATING and not run["superseded"]:
            statuses = {job["status"] for job in truth.latest_jobs(run["id"])}
            ends[run["repo"], run["sha"]] |= statuses or {run["verdict"]}
    good = {"succeeded", "nothing_to_run"}
    return {head: "success" if seen <= good else "no success" for head, seen in ends.items()}


def _out_of_order(checks: Mapping[int, Check]) -> Iterator[str]:
    for number, check in checks.items():
        for (before, first), (after, then) in pairwise(check.states):
            if before == "completed" and (after, then) != (before, first):
                yield f"check {number} ({check.name}) went from {first} back to {then or after}"
    by_name: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, check in checks.items():
        by_name[check.repo, check.sha, check.name].append(number)
    for (_, sha, name), numbers in by_name.items():
        left = [number for number in numbers[:-1] if not checks[number].is_completed]
        if left:
            yield f"{name} on {sha[:7]} was made anew beside {left}, which are not completed"


def _false_green(truth: Truth, data: Path) -> Iterator[str]:
    shas = {run["id"]: run["sha"] for run in truth["runs"]}
    for job in truth["jobs"]:
        if job["status"] != "succeeded":
            continue
        for step in truth.steps_of(job["id"]):
            if step["status"] != "succeeded" or step["exit_code"] != 0:
                yield f"job {job['id']} succeeded with step {step['position']} {step['status']}"
            heads = set(HEAD.findall(_log(data, step)))
            if heads - {shas[job["run_id"]].encode()}:
                yield f"job {job['id']} for {shas[job['run_id']]} saw {heads}"


# ── engine and disk ──────────────────────────────────────────────────────────────────────────


def _twice(starts: Sequence[tuple[str, str]]) -> Iterator[str]:
    for (job, step), count in Counter(starts).items():
        if count > 1:
            yield f"step {step} of job {job} was started {count} times"


def _left_over(evidence: Evidence) -> Iterator[str]:
    alive = {job["id"] for job in evidence.truth["jobs"] if job["status"] == "running"}
    client = docker.APIClient()
    try:
        label = {"label": f"ci-bot.instance={evidence.instance}"}
        for one in client.containers(all=True, filters=label):
            if one["Labels"].get("ci-bot.job") not in alive:
                yield f"container {one['Names'][0]} is left ({one['Status']})"
        networks = client.networks(filters=label)
        if len(networks) > 1:
            yield f"{len(networks)} networks are left"
    finally:
        client.close()
    for folder in ("jobs", "run"):
        for path in (evidence.data / folder).glob("*"):
            if path.name not in alive:
                yield f"{path.relative_to(evidence.data)} is left"


def _torn_logs(truth: Truth, data: Path) -> Iterator[str]:
    """Numbered lines are whole from the first on, or the log says that something is missing."""
    for step in truth["steps"]:
        log = _log(data, step)
        numbers = [int(match[1]) for line in log.split(b"\n") if (match := LINE.match(line))]
        where = f"log of step {step['position']} of job {step['job_id']}"
        if numbers != list(range(len(numbers))) and MARK.encode() not in log:
            yield f"{where} has lines {numbers[:3]}…{numbers[-3:]}, {len(numbers)} of them"
        if len(numbers) != len(set(numbers)):
            yield f"{where} repeats lines"
        if step["status"] in FINAL and step["log_bytes"] not in (0, len(log)):
            yield f"{where} has {len(log)} bytes, {step['log_bytes']} are on record"


def _log(data: Path, step: Row) -> bytes:
    path = data / "logs" / step["job_id"] / f"{step['position']}.log"
    return path.read_bytes() if path.exists() else b""


# ── manners ──────────────────────────────────────────────────────────────────────────────────


def _impolite(ledger: Sequence[Row]) -> Iterator[str]:
    for entry in ledger:
        if entry["kind"] == "violation" and entry["violation"] in ("polite", "rule", "product rule"):
            yield f"{entry['where']}: {entry['message']}"
    written = [
        entry["time"]
        for entry in ledger
        if entry.get("method") == "POST" and entry.get("path", "").endswith("/comments")
    ]
    for most, seconds in PACE:
        for first, last in zip(written, written[most:], strict=False):
            if last - first < seconds:
                yield f"more than {most} comments in {seconds:.0f} s"
                break


def fingerprint(evidence: Evidence) -> str:
    """Equal at two moments where nothing was written in between, here or on the forge (I14)."""
    asked = [entry["n"] for entry in evidence.ledger if entry["kind"] == "api"]
    rows = {name: evidence.truth[name] for name in TABLES}
    return json.dumps([asked[-1:], rows], default=repr, sort_keys=True)
