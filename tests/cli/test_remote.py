"""The verbs that ask a server, against a real one: what they print, and how they end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci_bot.cli import acts, logs, remote, runs, showing
from ci_bot.core.model import LogRef, RunKind, Verdict
from ci_bot.core.states import Change
from ci_bot.web.api import logs as api_logs
from ci_bot.web.api import models
from tests.cli.conftest import Answer, Ask, begin, finish
from tests.cli.served import Served, serving
from tests.make import SHA_A, SHA_B, job, plan
from tests.web.api.conftest import READER, STRANGER, WRITER


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def at(ask: Ask, served: Served, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A command with the server and a token that may write in the environment."""
    monkeypatch.setenv("CI_BOT_SERVER", served.url)
    monkeypatch.setenv("CI_BOT_TOKEN", WRITER)
    for module, name in ((runs, "LOOK_SECONDS"), (acts, "LOOK_SECONDS"), (logs, "LOOK_SECONDS")):
        monkeypatch.setattr(module, name, 0.05)
    monkeypatch.setattr(api_logs, "LOOK_SECONDS", 0.05)
    return ask


def later(work: Callable[[], object], seconds: float = 0.3) -> threading.Thread:
    """Does it while a command watches."""

    def wait() -> None:
        time.sleep(seconds)
        work()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


# ── runs ─────────────────────────────────────────────────────────────────────────────────────


def test_a_list_in_a_pipe_is_one_line_for_each_run(at: Ask, served: Served) -> None:
    first = served.a_run(b"", change=Change.SUCCEED, title="Begin")
    second = served.a_run(
        b"", ref="fix", sha=SHA_B, kind=RunKind.PULL_REQUEST, pull=3, title="Tabs\tand \x1b[31mred"
    )
    assert at("runs").out == (
        f"{second}\tfailed\tacme/shop\tfix\tpull_request\t{SHA_B}\t1970-01-12T13:46:40+00:00\t0.0\tTabs and red\n"
        f"{first}\tsucceeded\tacme/shop\tmain\tpush\t{SHA_A}\t1970-01-12T13:46:40+00:00\t0.0\tBegin\n"
    )


def test_filters(at: Ask, served: Served) -> None:
    passed = served.a_run(b"", change=Change.SUCCEED)
    failed = served.a_run(b"", ref="fix", sha=SHA_B, kind=RunKind.PULL_REQUEST, pull=3)
    for args, expected in (
        ("", [failed, passed]),
        ("--repo acme/shop", [failed, passed]),
        ("--branch fix", [failed]),
        (f"--commit {SHA_B[:7]}", [failed]),
        ("--pr 3", [failed]),
        ("--status failed", [failed]),
        ("--status succeeded --status failed", [failed, passed]),
        ("--event push", [passed]),
        ("--limit 1", [failed]),
        ("--branch nosuch", []),
    ):
        answer = at("runs", *args.split())
        assert (answer.code, [line.split("\t")[0] for line in answer.out.splitlines()]) == (0, expected)


def test_a_long_list_is_fetched_page_by_page(
    at: Ask, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PAGE", 2)
    made = [served.begin(ref=f"b{number}") for number in range(5)]
    found = json.loads(at("runs", "--json").out)
    assert [each["id"] for each in found] == made[::-1]
    assert len(json.loads(at("runs", "--json", "--limit", "3").out)) == 3


def test_json_has_the_shapes_of_the_api(at: Ask, served: Served) -> None:
    run_id = served.a_run(b"")
    (listed,) = json.loads(at("runs", "--json").out)
    assert set(listed) == set(models.Run.model_fields)
    alone = json.loads(at("runs", run_id, "--json").out)
    assert set(alone) == set(models.RunDetail.model_fields)
    assert alone["jobs"][0]["steps"][0]["exit_code"] == 3


def test_one_run(at: Ask, served: Served) -> None:
    run_id = served.a_run(b"", title="Fix it", plan=plan(job("test"), job("deploy", needs=("test",))))
    answer = at("runs", run_id)
    assert answer.code == 0
    head, where, why, end, *jobs = answer.out.splitlines()
    assert head == "✗ Fix it"
    assert where == f"  acme/shop main {SHA_A[:7]}"
    assert why.startswith("  push by alice, ")
    assert end == "  failed"
    assert [line.split()[1:] for line in jobs] == [
        ["test", "0.0", "s", "failed", "it", "ended"],
        ["deploy", "skipped", "needs", '"test",', "which", "failed"],
    ]


@pytest.mark.parametrize(
    ("change", "code"), [(Change.SUCCEED, 0), (Change.FAIL, 1), (Change.CANCEL, 1), (Change.BREAK, 1)]
)
def test_watching_a_run_ends_as_the_run_does(
    at: Ask, served: Served, change: Change, code: int
) -> None:
    run_id = served.begin()
    ending = later(lambda: served.end(b"", change=change))
    answer = at("runs", run_id, "--watch")
    ending.join()
    assert answer.code == code
    assert answer.out.startswith("test: ready\n")
    assert "\ntest: " in answer.out


def test_watching_with_json_prints_the_end_alone(at: Ask, served: Served) -> None:
    run_id = served.begin()
    ending = later(lambda: served.end(b"", change=Change.SUCCEED))
    answer = at("runs", run_id, "--watch", "--json")
    ending.join()
    assert (answer.code, json.loads(answer.out)["status"]) == (0, "succeeded")


def test_a_run_that_waits_for_approval_is_not_watched_for_ever(at: Ask, served: Served) -> None:
    run_id = served.begin(verdict=Verdict.HELD, plan=None)
    answer = at("runs", run_id, "--watch")
    assert (answer.code, answer.words) == (1, f"run {run_id} waits for approval on the forge")


def test_a_run_that_had_nothing_to_do_is_fine(at: Ask, served: Served) -> None:
    run_id = served.begin(verdict=Verdict.NOTHING_TO_RUN, plan=None, reason="no trigger matches")
    assert at("runs", run_id, "--watch").code == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["x", "--branch", "main"], "filters are for the list"),
        (["--watch", "--json"], "--watch --json needs a RUN"),
        (["--watch"], "a list is watched on a terminal"),
        (["--status", "nosuch"], "nosuch"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_what_does_not_go_together(at: Ask, args: list[str], words: str) -> None:
    answer = at("runs", *args)
    assert answer.code == 2
    assert words in answer.err


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────


def one_line(answer: Answer) -> str:
    assert (answer.code, answer.out) == (2, "")
    return answer.err.splitlines()[-1]


def test_without_a_server_or_a_token_one_is_told_what_to_give(
    at: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CI_BOT_TOKEN")
    assert "set CI_BOT_TOKEN, or give --token-file" in one_line(at("runs"))
    file = tmp_path / "token"
    assert "No such file" in one_line(at("runs", "--token-file", file))
    file.write_text("ghp_something\n")
    assert "holds no token of ci-bot" in one_line(at("runs", "--token-file", file))
    file.write_text(f"{READER}\n")
    assert at("runs", "--token-file", file).code == 0
    monkeypatch.delenv("CI_BOT_SERVER")
    assert "which server?" in one_line(at("runs", "--token-file", file))
    assert "like https://" in one_line(at("runs", "--token-file", file, "--server", "ci.example.com"))


def test_what_another_token_may_not_see_is_not_there(
    at: Ask, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = served.a_run(b"secret plans\n")
    monkeypatch.setenv("CI_BOT_TOKEN", STRANGER)
    assert at("runs", "--json").out == "[]\n"
    told = f"Error: there is no run {run_id} that this token may see"
    for args in (["runs", run_id], ["logs", run_id], ["retry", run_id], ["cancel", run_id]):
        assert one_line(at(*args)) == told


def test_a_revoked_token_is_told_so(at: Ask, served: Served) -> None:
    served.do(served.api.store.tokens.revoke("t0", []))
    assert one_line(at("runs")).startswith("Error: the token writer was revoked; the operator")


def test_a_server_that_is_not_there_is_one_line(at: Ask) -> None:
    words = one_line(at("runs", "--server", "http://127.0.0.1:1"))
    assert words.startswith("Error: http://127.0.0.1:1 does not answer: ")


def test_something_that_is_no_ci_bot_is_told_as_such(at: Ask, served: Served) -> None:
    words = one_line(at("runs", "--server", f"{served.url}/nosuch"))
    assert "answers 404, and not as a ci-bot" in words


def test_a_token_that_others_could_read_on_its_way_is_warned_of(at: Ask) -> None:
    answer = at("runs", "--server", "http://ci.invalid")
    assert answer.err.startswith(
        "warning: the token goes to http://ci.invalid where others can read it"
    )


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:8080", True),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_only_this_machine_is_here(url: str, here: bool) -> None:
    assert remote._is_here(url) is here


# ── logs ─────────────────────────────────────────────────────────────────────────────────────


def test_logs_of_a_server_look_like_those_of_this_machine(at: Ask, served: Served) -> None:
    run_id = served.a_run(b"made\n", b"no line break", plan=plan(job("test", "make", "make test")))
    whole = (
        "=== test: failed\n--- 1. make: failed why\nmade\n--- 2. make test: failed why\nno line break\n"
    )
    assert at("logs", run_id).out == whole
    assert at("logs", run_id, "test").out == whole
    assert at("logs", run_id, "test", "--step", "1").out == "\n".join(whole.split("\n")[:3]) + "\n"
    assert one_line(at("logs", run_id, "nosuch")) == (
        f"Error: run {run_id} has no job nosuch; its jobs: test"
    )
    assert one_line(at("logs", run_id, "test", "--step", "3")) == "Error: job test has 2 steps"
    assert one_line(at("logs", run_id, "--attempt", "2")) == (
        f"Error: run {run_id} has no attempt 2; the last is 1"
    )


def test_what_a_log_would_do_to_a_terminal_is_shown_instead(at: Ask, served: Served) -> None:
    run_id = served.a_run(b"\x1b]0;title\x07 \x1b[31mred\x1b[0m\n")
    assert "\\x1b]0;title\\x07 red\n" in at("logs", run_id).out


def test_logs_are_followed_until_the_run_ends(at: Ask, served: Served) -> None:
    run_id = served.begin(plan=plan(job("a", "make"), job("b", "lint")))
    lines = [f"line {number}" for number in range(500)]

    def work() -> None:
        served.end("\n".join(lines).encode(), change=Change.SUCCEED)
        served.end(b"fine\n", change=Change.SUCCEED)

    ending = later(work)
    answer = at("logs", run_id, "-f")
    ending.join()
    assert answer.code == 0
    of_a = [line.removeprefix("a │ ") for line in answer.out.splitlines() if line[0] == "a"]
    assert of_a == ["--- 1. make", *lines]
    assert [line for line in answer.out.splitlines() if line[0] == "b"] == [
        "b │ --- 1. lint",
        "b │ fine",
    ]


def test_what_has_ended_is_followed_in_order(at: Ask, served: Served) -> None:
    run_id = served.begin(plan=plan(job("a", "make"), job("lint", "lint")))
    served.end(b"1\n" * 500, change=Change.SUCCEED)
    served.end(b"fine\n", change=Change.SUCCEED)
    heads = [line.split(" ")[0] for line in at("logs", run_id, "-f").out.splitlines()]
    assert heads == [*["a"] * 501, *["lint"] * 2]


def test_a_log_is_followed_over_a_connection_that_breaks(
    at: Ask, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE", (0.05,) * 20)
    run_id = served.begin()
    lines = [f"line {number}\n" for number in range(300)]

    async def work() -> None:
        store = served.api.store
        claim = await store.runs.claim("one/p1", 30)
        assert claim is not None
        await store.runs.start_step(claim.lease, 0)
        writer = served.api.logs.open(LogRef(claim.job.id, 0), ())
        for number, line in enumerate(lines):
            writer.write(line.encode())
            if number % 60 == 59:
                await asyncio.sleep(0.2)
                for transport in list(_transports(served)):
                    transport.close()
        await store.runs.end_step(claim.lease, 0, Change.SUCCEED, "", 0, writer.close())
        await store.runs.end_job(claim.lease, Change.SUCCEED, "")

    ending = later(lambda: served.do(work()))
    answer = at("logs", run_id, "-f")
    ending.join()
    assert answer.out == "--- 1. run test\n" + "".join(lines)


def _transports(served: Served) -> Iterator[asyncio.Transport]:
    runner = served.api.server.runner
    assert runner is not None
    server = runner.server
    assert server is not None
    for handler in server.connections:
        if isinstance(handler.transport, asyncio.Transport):
            yield handler.transport


# ── retry, cancel ────────────────────────────────────────────────────────────────────────────


def test_a_retry_says_what_was_decided(at: Ask, served: Served) -> None:
    run_id = served.a_run(b"")
    answer = at("retry", run_id)
    assert (answer.code, answer.words) == (0, "token:writer re-runs what did not succeed")
    assert json.loads(at("runs", run_id, "--json").out)["jobs"][0]["attempt"] == 2


def test_a_retry_may_name_jobs_or_everything(at: Ask, served: Served) -> None:
    run_id = served.a_run(b"", change=Change.SUCCEED)
    assert one_line(at("retry", run_id)).startswith("Error: nothing to retry: nothing of it failed")
    assert at("retry", run_id, "--job", "test").words == 'token:writer re-runs job "test"'
    served.end(b"", change=Change.SUCCEED)
    assert at("retry", run_id, "--all").words == "token:writer re-runs everything"
    assert "leave --job out" in one_line(at("retry", run_id, "--all", "--job", "test"))
    assert 'has no job "x"; its jobs: test' in one_line(at("retry", run_id, "--job", "x"))


def test_a_retry_that_is_watched_ends_as_the_new_attempt_does(at: Ask, served: Served) -> None:
    run_id = served.a_run(b"")
    ending = later(lambda: served.end(b"", change=Change.SUCCEED), 1.0)
    answer = at("retry", run_id, "--watch")
    ending.join()
    assert answer.code == 0
    assert "test: succeeded" in answer.out


def test_a_cancel(at: Ask, served: Served) -> None:
    run_id = served.begin(plan=plan(job("a"), job("b")))
    assert at("cancel", run_id, "--job", "b").words == 'token:writer cancels job "b"'
    assert at("cancel", run_id).words == "token:writer cancels everything"
    run = json.loads(at("runs", run_id, "--json").out)
    assert [(each["status"], each["reason"]) for each in run["jobs"]] == [
        ("cancelled", "cancelled by token:writer")
    ] * 2


def test_a_token_that_may_only_read_is_told_what_it_needs(
    at: Ask, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = served.a_run(b"")
    monkeypatch.setenv("CI_BOT_TOKEN", READER)
    assert one_line(at("retry", run_id)) == (
        "Error: this token may read, and not retry; ask the operator for one of scope write: "
        "ci-bot token create --scope write"
    )


def test_the_token_is_in_nothing_that_is_printed(served: Served, here: Path) -> None:
    run_id = served.a_run(b"x\n")
    for args in (["runs"], ["runs", run_id, "--json"], ["logs", run_id], ["retry", run_id]):
        answer = finish(begin(*args, CI_BOT_SERVER=served.url, CI_BOT_TOKEN=WRITER))
        assert (answer.code, WRITER in answer.out + answer.err) == (0, False)


# ── tables ───────────────────────────────────────────────────────────────────────────────────


def test_ages_and_times() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    ages = [showing.age(now - timedelta(seconds=s), now) for s in (0, 59, 60, 7200, 90000, -5)]
    assert ages == ["0s", "59s", "1m", "2h", "1d", "0s"]
    assert [showing.took(s) for s in (None, 0.04, 59.9, 61, 3700)] == [
        "",
        "0.0 s",
        "59.9 s",
        "1m 01s",
        "1h 01m",
    ]
