"""GET /runs and /runs/{run}: what is shown, what narrows it, and what is not shown to whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.decisions import Decision, Retry
from ci_bot.core.extras import Coverage, Extras, FailedTest, TestCounts
from ci_bot.core.model import Problem, RunKind, Verdict
from ci_bot.core.planned import SecretRef
from ci_bot.core.states import Change
from tests.make import ALICE, REPO, SHA_A, SHA_B, job, plan
from tests.web.api.conftest import OTHER, READER, STRANGER, WRITER, Api


async def shown(api: Api, query: str = "", by: str = READER) -> list[str]:
    said = await api.ask(f"/runs{query}", by)
    assert said.status == 200, said.json
    return [run["branch"] for run in said.json["runs"]]


async def test_a_run_with_its_jobs_and_steps(api: Api) -> None:
    jobs = plan(job("test", "make", "make test"), job("deploy", needs=("test",)))
    run_id = await api.begin(plan=jobs, title="Fix it", kind=RunKind.PULL_REQUEST, ref="fix", pull=3)
    api.store.clock.time = 1_000_100.25
    await api.end(b"made\n", b"tested\n")
    said = await api.ask(f"/runs/{run_id}")
    assert said.json == {
        "id": run_id,
        "repository": "acme/shop",
        "forge": "github",
        "event": "pull_request",
        "branch": "fix",
        "commit": SHA_A,
        "pull": 3,
        "title": "Fix it",
        "actor": "alice",
        "status": "failed",
        "reason": "",
        "superseded": False,
        "created_at": "1970-01-12T13:46:40Z",
        "started_at": "1970-01-12T13:48:20.250000Z",
        "finished_at": "1970-01-12T13:48:20.250000Z",
        "seconds": 0.0,
        "problems": [],
        "jobs": [
            {
                "id": "test",
                "name": "test",
                "attempt": 1,
                "cause": "first",
                "status": "failed",
                "reason": "it ended",
                "needs": [],
                "started_at": "1970-01-12T13:48:20.250000Z",
                "finished_at": "1970-01-12T13:48:20.250000Z",
                "seconds": 0.0,
                "tests": None,
                "coverage": None,
                "steps": [
                    {
                        "number": number,
                        "name": name,
                        "status": "failed",
                        "exit_code": 3,
                        "reason": "why",
                        "started_at": "1970-01-12T13:48:20.250000Z",
                        "finished_at": "1970-01-12T13:48:20.250000Z",
                        "seconds": 0.0,
                        "log_bytes": size,
                    }
                    for number, name, size in ((1, "make", 5), (2, "make test", 7))
                ],
            },
            {
                "id": "deploy",
                "name": "deploy",
                "attempt": 1,
                "cause": "first",
                "status": "skipped",
                "reason": 'needs "test", which failed',
                "needs": ["test"],
                "started_at": None,
                "finished_at": "1970-01-12T13:48:20.250000Z",
                "seconds": None,
                "tests": None,
                "coverage": None,
                "steps": [
                    {
                        "number": 1,
                        "name": "run deploy",
                        "status": "skipped",
                        "exit_code": None,
                        "reason": "",
                        "started_at": None,
                        "finished_at": "1970-01-12T13:48:20.250000Z",
                        "seconds": None,
                        "log_bytes": 0,
                    }
                ],
            },
        ],
    }


async def test_what_a_job_reports_of_tests_and_coverage_is_there_and_masked(api: Api) -> None:
    api.vault.secrets["TOKEN"] = "hunter2hunter2"
    made = job("test", "make")
    step = replace(made.steps[0], secrets=(SecretRef("TOKEN", "TOKEN"),))
    run_id = await api.begin(plan=plan(replace(made, steps=(step,))))
    claim = await api.store.runs.claim("one/p1", 30)
    assert claim is not None
    failed = FailedTest("test_a", "hunter2hunter2 was not 1", "test_a.py", 7)
    counts = TestCounts(9, 1, 2, 3.5, (failed,), ("b.xml is no JUnit report",))
    await api.store.artifacts.note(claim.lease, Extras(tests=counts, coverage=Coverage(87.5, 80)))
    (shown,) = (await api.ask(f"/runs/{run_id}")).json["jobs"]
    failure = {"name": "test_a", "message": "*** was not 1", "file": "test_a.py", "line": 7}
    assert shown["tests"] == {
        "total": 9,
        "failed": 1,
        "skipped": 2,
        "failures": [failure],
        "notes": ["b.xml is no JUnit report"],
    }
    assert shown["coverage"] == {"percent": 87.5, "notes": []}


async def test_a_list_holds_the_same_without_the_jobs(api: Api) -> None:
    run_id = await api.a_run(b"")
    (listed,) = (await api.ask("/runs")).json["runs"]
    alone = (await api.ask(f"/runs/{run_id}")).json
    assert listed == {name: value for name, value in alone.items() if name not in ("jobs", "problems")}


async def test_pages(api: Api) -> None:
    for number in range(5):
        await api.begin(ref=f"b{number}")
    found: list[str] = []
    before: str | None = ""
    while before is not None:
        said = await api.ask("/runs?limit=2" + (f"&before={before}" if before else ""))
        found += [run["branch"] for run in said.json["runs"]]
        before = said.json["next"]
    assert found == ["b4", "b3", "b2", "b1", "b0"]


async def test_filters(api: Api) -> None:
    await api.a_run(b"", ref="main")
    await api.begin(ref="fix", sha=SHA_B, kind=RunKind.PULL_REQUEST, pull=3)
    for query, expected in (
        ("", ["fix", "main"]),
        ("?repository=acme/shop", ["fix", "main"]),
        ("?repository=Acme/Shop", ["fix", "main"]),
        ("?branch=main", ["main"]),
        ("?branch=", ["fix", "main"]),
        ("?commit=BBBB", ["fix"]),
        (f"?commit={SHA_A}", ["main"]),
        ("?pull=3", ["fix"]),
        ("?event=push", ["main"]),
        ("?event=push&event=pull_request", ["fix", "main"]),
        ("?status=failed", ["main"]),
        ("?status=queued&status=failed", ["fix", "main"]),
        ("?status=succeeded", []),
        ("?branch=main&status=queued", []),
    ):
        assert await shown(api, query) == expected, query


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "query.limit"),
        ("limit=101", "query.limit"),
        ("limit=1_0", "query.limit"),
        ("limit=+5", "query.limit"),
        ("limit=5&limit=6", "query.limit"),
        ("limit=" + "9" * 5000, "query.limit"),
        ("pull=0", "query.pull"),
        ("pull=x", "query.pull"),
        ("commit=xyz", "query.commit"),
        ("commit=abc", "query.commit"),
        ("event=nosuch", "query.event.0"),
        ("status=failed&status=nosuch", "query.status.1"),
        ("before=UPPER", "query.before"),
        ("nosuch=1", "query.nosuch"),
    ],
)
async def test_what_is_not_understood_is_named(api: Api, query: str, where: str) -> None:
    said = await api.ask(f"/runs?{query}")
    assert (said.status, said.json["problems"][0]["where"]) == (400, where)
    assert where in said.json["detail"]
    assert said.json["remedy"] == "see /api/v1/openapi.json"


async def test_everything_that_is_wrong_is_named_at_once(api: Api) -> None:
    said = await api.ask("/runs?limit=0&pull=x&nosuch=1")
    assert len(said.json["problems"]) == 3


async def test_more_parameters_than_anybody_needs_are_not_even_read(api: Api) -> None:
    said = await api.ask("/runs?" + "&".join(f"x{number}=1" for number in range(200)))
    assert (said.status, said.words) == (400, "a request has at most 100 parameters")


async def test_every_attempt_is_shown_to_who_asks_for_them(api: Api) -> None:
    run_id = await api.a_run(b"first")
    again = Retry(REPO.key, SHA_A, (run_id,), ALICE)
    await api.store.decisions.commit(Decision("again", retry=(again,)), None)
    latest = (await api.ask(f"/runs/{run_id}")).json
    every = (await api.ask(f"/runs/{run_id}?attempts=true")).json
    assert [job["attempt"] for job in latest["jobs"]] == [2]
    assert [job["attempt"] for job in every["jobs"]] == [1, 2]
    assert latest["status"] == "queued"


async def test_what_is_wrong_in_the_configuration_is_told(api: Api) -> None:
    mistake = Problem(".ci.yaml", "jobs", 1, 2, "unknown key", "did you mean")
    run_id = await api.begin(verdict=Verdict.CONFIG_BROKEN, plan=None, problems=(mistake,))
    said = (await api.ask(f"/runs/{run_id}")).json
    assert said["status"] == "failed"
    assert said["problems"] == [
        {
            "file": ".ci.yaml",
            "path": "jobs",
            "line": 1,
            "column": 2,
            "message": "unknown key",
            "hint": "did you mean",
        }
    ]


async def test_a_secret_is_in_no_title_name_or_reason(api: Api) -> None:
    api.vault.secrets["TOKEN"] = "hunter2hunter2"
    made = job("test", "echo hunter2hunter2")
    step = made.steps[0]
    jobs = plan(
        type(made)(
            made.id,
            "job hunter2hunter2",
            (type(step)(step.name, step.run, step.image, secrets=(SecretRef("TOKEN", "TOKEN"),)),),
        )
    )
    await api.a_run(b"", plan=jobs, title="It is hunter2hunter2", ref="hunter2hunter2")
    (listed,) = (await api.ask("/runs")).json["runs"]
    detail = await api.ask(f"/runs/{listed['id']}")
    assert listed["title"] == "It is ***"
    assert detail.json["jobs"][0]["name"] == "job ***"
    assert detail.json["jobs"][0]["steps"][0]["name"] == "echo ***"
    assert b"hunter2" not in detail.body


# ── whom it is shown to ──────────────────────────────────────────────────────────────────────


async def test_a_token_lists_its_own_repositories_alone(api: Api) -> None:
    await api.begin(ref="ours")
    await api.begin(ref="theirs", repo=OTHER, key="x")
    assert await shown(api) == ["ours"]
    assert await shown(api, by=STRANGER) == ["theirs"]


async def test_what_is_another_tokens_is_answered_exactly_as_what_is_not_there(api: Api) -> None:
    run_id = await api.a_run(b"secret plans\n")
    for path in (
        "/runs/{}",
        "/runs/{}/jobs/test/steps/1/log",
        "/runs/{}/jobs/test/steps/1/log?offset=9",
    ):
        await alike(api, path.format(run_id), path.format("nosuch"), run_id)
    for path in ("/runs/{}/retry", "/runs/{}/cancel"):
        await alike(api, path.format(run_id), path.format("nosuch"), run_id, "POST")
    await alike(
        api, "/runs?repository=acme/shop", "/runs?repository=acme/none", "acme/shop", name="acme/none"
    )
    assert await api.store.reasons() == []


async def alike(
    api: Api, real: str, invented: str, id: str, method: str = "GET", name: str = "nosuch"
) -> None:
    for_real, for_none = [await api.ask(path, STRANGER, method) for path in (real, invented)]
    assert for_real.status == for_none.status == 404
    assert for_real.body.decode().replace(id, name) == for_none.body.decode()
    kept = [
        {key: value for key, value in said.headers.items() if key not in ("Date", "Content-Length")}
        for said in (for_real, for_none)
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("run_id", ["NOSUCH", "%ff", "a b", "x" * 33, "..%2f..%2fkeys", "%00"])
async def test_what_cannot_be_the_id_of_a_run_is_not_there(api: Api, run_id: str) -> None:
    assert (await api.ask(f"/runs/{run_id}")).status == 404


async def test_an_ended_run_says_how_long_it_took(api: Api) -> None:
    run_id = await api.a_run(b"", change=Change.SUCCEED)
    assert (await api.ask(f"/runs/{run_id}", WRITER)).json["status"] == "succeeded"
