"""`ci-bot run`: this working tree as the server would test it, uncommitted changes included."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from tests.cli.conftest import NOWHERE, Ask, begin, begin_whole, finish, git

PASSING = """\
on: {push: {branches: main, paths: 'no/such/file'}}
include: ci/say.yaml
jobs:
  build:
    steps: [cat note.txt]
"""
SAYING = """\
jobs:
  test:
    needs: build
    steps:
      - name: say
        run: echo "$CI_EVENT of $CI_REPO by $CI_ACTOR"
"""
REPORTS = "    artifacts: {reports: {junit: junit.xml, coverage: coverage.xml}}"
JUNIT = """\
<testsuite><testcase classname="sums" name="test_one"/>
<testcase classname="sums" name="test_two"><failure message="2 is not 3"/></testcase></testsuite>
"""
FAILING = """\
jobs:
  build:
    steps: [echo built]
  test:
    needs: build
    steps: [echo testing; exit 3, echo never]
  pack:
    needs: test
    steps: [echo packed]
  other:
    steps: [exit 1]
"""
KEEPING = """\
jobs:
  build:
    cache: {key: k, paths: .deps}
    artifacts: {paths: dist}
    steps: [mkdir -p .deps dist, echo made > dist/a, touch .deps/a]
"""
FLAKY = """\
jobs:
  flaky:
    retry: 2
    steps:
      - run: '[ "$CI_ATTEMPT" -gt 1 ] || exit 75'
"""
UNSERVED = """\
jobs:
  test:
    services: {db: '127.0.0.1:1/none:1'}
    steps: [echo never]
"""
HANGING = "jobs: {test: {steps: [echo begun; sleep 600]}}\n"
QUICK = "jobs: {test: {steps: [echo done]}}\n"


def containers(folder: Path) -> list[str]:
    client = docker.APIClient()
    try:
        filters = {"label": f"ci-bot.repo={folder.name}"}
        return [one["Id"] for one in client.containers(all=True, filters=filters)]
    finally:
        client.close()


def networks(folder: Path) -> list[str]:
    client = docker.APIClient()
    try:
        return [one["Id"] for one in client.networks(filters={"label": f"ci-bot.repo={folder.name}"})]
    finally:
        client.close()


@pytest.mark.docker
def test_a_run_that_the_machine_is_to_blame_for_leaves_nothing_on_the_engine(
    repository: Path, images: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".ci.yaml").write_text(UNSERVED)
    monkeypatch.setenv("CI_BOT_LIMITS__INFRASTRUCTURE_RETRIES", "0")
    answer = finish(begin("run"))
    assert answer.code == 1
    assert 'service "db"' in answer.out
    assert (containers(repository), networks(repository)) == ([], [])


@pytest.mark.docker
def test_a_passing_run_shows_what_it_does_and_tests_what_is_not_committed(
    repository: Path, images: None
) -> None:
    (repository / ".ci.yaml").write_text(PASSING)
    (repository / "ci").mkdir()
    (repository / "ci" / "say.yaml").write_text(SAYING)  # not committed either, and no filter is asked
    (repository / "note.txt").write_text("not committed\n")
    answer = finish(begin("run"))
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert "build │ not committed" in lines
    assert f"test  │ push of {repository.name} by Alice" in lines
    assert lines.index("test  │ $ say") > lines.index("build │ not committed")
    assert lines[-1] == "all jobs passed"
    assert containers(repository) == []


@pytest.mark.docker
def test_a_flaky_job_shows_every_attempt(repository: Path, images: None) -> None:
    (repository / ".ci.yaml").write_text(FLAKY)
    answer = finish(begin("run"))
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    again = lines.index("flaky │ [ci-bot] attempt 2 of 3")
    assert lines.index("flaky │ [ci-bot] exit code 75") < again
    assert lines[-3].endswith("succeeded  attempt 2 of 3")


@pytest.mark.docker
def test_a_failing_run_is_exit_code_1_and_one_document_for_machines(
    repository: Path, images: None
) -> None:
    (repository / "junit.xml").write_text(JUNIT)
    (repository / "coverage.xml").write_text('<coverage lines-valid="8" lines-covered="5"/>')
    (repository / ".ci.yaml").write_text(FAILING.replace("[echo built]", f"[echo built]\n{REPORTS}"))
    answer = finish(begin("run", "--json", "--job", "pack"))
    document = json.loads(answer.out)
    assert (answer.code, answer.err) == (1, "")
    assert (document["status"], document["event"], len(document["sha"])) == ("failed", "push", 40)
    jobs = {one["id"]: one for one in document["jobs"]}
    assert {id: one["status"] for id, one in jobs.items()} == {  # not "other": nobody needs it
        "build": "succeeded",
        "test": "failed",
        "pack": "skipped",
    }
    assert jobs["pack"]["reason"] == 'needs "test", which failed'
    failed, never = jobs["test"]["steps"]
    assert (failed["exit_code"], failed["reason"], failed["status"]) == (3, "exit code 3", "failed")
    assert (never["exit_code"], never["status"]) == (None, "skipped")
    assert jobs["test"]["seconds"] > 0
    failure = {"name": "sums / test_two", "message": "2 is not 3", "file": "", "line": 0}
    counts = {"total": 2, "failed": 1, "skipped": 0, "failures": [failure], "notes": []}
    assert jobs["build"]["tests"] == counts
    assert jobs["build"]["coverage"] == {"percent": 62.5, "notes": []}
    assert (jobs["test"]["tests"], jobs["test"]["coverage"]) == (None, None)


def begin_hanging(start: Callable[..., subprocess.Popen[str]] = begin) -> subprocess.Popen[str]:
    """Its step has spoken, and sleeps."""
    process = start("run", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    while "begun" not in (line := process.stdout.readline()) or "$" in line:
        assert line, finish(process)
    return process


@pytest.mark.docker
@pytest.mark.parametrize(
    ("number", "last"),
    [
        (signal.SIGINT, "ci-bot: interrupted"),
        (signal.SIGTERM, "ci-bot: ended by SIGTERM"),
        (signal.SIGHUP, "ci-bot: ended by SIGHUP"),
    ],
)
def test_what_ends_it_ends_the_containers(
    repository: Path, images: None, number: signal.Signals, last: str
) -> None:
    (repository / ".ci.yaml").write_text(HANGING)
    process = begin_hanging()
    assert len(containers(repository)) >= 1
    process.send_signal(number)
    answer = finish(process)
    assert answer.code == 128 + number
    assert "stopping the containers" in answer.err
    assert answer.err.splitlines()[-1] == last
    assert "Traceback" not in answer.err
    assert containers(repository) == []


@pytest.mark.docker
def test_what_a_killed_run_left_is_removed_by_the_next(
    repository: Path, images: None, tmp_path: Path
) -> None:
    homes = tmp_path / "tmp"
    (repository / ".ci.yaml").write_text(HANGING)
    killed, living = begin_hanging(begin_whole), begin_hanging()
    left, alive = sorted(
        homes.glob("ci-bot-run-*"), key=lambda home: (home / "alive").stat().st_mtime_ns
    )
    killed.kill()
    finish(killed)
    assert len(containers(repository)) == 2
    (repository / ".ci.yaml").write_text(QUICK)

    answer = finish(begin("run"))

    assert answer.code == 0, answer
    assert answer.err == f"removed what a run left that was killed: its containers, and {left}\n"
    assert list(homes.glob("ci-bot-run-*")) == [alive]
    assert len(containers(repository)) == 1  # of the one that lives
    living.terminate()
    assert finish(living).code == 128 + signal.SIGTERM
    assert containers(repository) == []


def test_without_an_engine_it_is_one_line_and_exit_code_2(repository: Path) -> None:
    (repository / ".ci.yaml").write_text(HANGING)
    answer = finish(begin("run", DOCKER_HOST=NOWHERE))
    assert (answer.code, answer.out) == (2, "")
    assert answer.words.startswith("ci-bot: ")
    assert "127.0.0.1:1" in answer.words


def test_outside_of_a_git_repository(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_text(HANGING)
    answer = ask("run")
    assert (answer.code, answer.words) == (
        2,
        f"ci-bot: {here} is not in a git repository; `git init` makes one",
    )


def test_a_repository_without_a_commit(ask: Ask, here: Path) -> None:
    git("init", "--quiet")
    answer = ask("run")
    assert (answer.code, answer.words) == (
        2,
        f"ci-bot: {here} has no commit yet; commit once, then run again",
    )


def test_without_a_file(ask: Ask, repository: Path) -> None:
    answer = ask("run")
    assert (answer.code, answer.words) == (
        2,
        f"Error: there is no .ci.yaml in {repository}; see docs/language.md",
    )


def test_a_broken_file_is_told_with_all_its_errors(ask: Ask, repository: Path) -> None:
    (repository / ".ci.yaml").write_text("jobs:\n  a: {step: [x]}\n  b: 3\n")
    answer = ask("run")
    assert answer.code == 2
    assert "\n.ci.yaml:3:" in answer.err
    assert ".ci.yaml:2:7: jobs.a" in answer.err


def test_an_unknown_job_is_told_with_the_one_that_was_meant(ask: Ask, repository: Path) -> None:
    (repository / ".ci.yaml").write_text(FAILING)
    answer = ask("run", "--job", "tests")
    assert (answer.code, answer.words) == (
        2,
        'Error: there is no job "tests"; did you mean "test"?',
    )


def test_an_event_that_the_file_does_not_name(ask: Ask, repository: Path) -> None:
    (repository / "tag.yaml").write_text("on: tag\n" + HANGING)
    answer = ask("run", "--file", "tag.yaml")
    assert (answer.code, answer.words) == (2, 'Error: nothing to run: "on" names tag, not push')


def test_a_file_that_is_not_there(ask: Ask, repository: Path) -> None:
    answer = ask("run", "--file", "no.yaml")
    assert (answer.code, answer.words) == (
        2,
        "Error: no.yaml cannot be read: No such file or directory",
    )


CONDITIONS = """\
jobs:
  test:
    steps:
      - {run: exit 1, continue-on-error: true}
      - {run: echo never, if: failure()}
      - {run: echo "on $CI_BRANCH", if: changes("src/**")}
  docs:
    if: changes("docs/**")
    steps: [echo docs]
  deploy:
    needs: test
    if: needs["test"].result == "success" && branch == "topic"
    steps: [echo deployed]
"""


@pytest.mark.docker
def test_conditions_are_decided_for_what_is_supposed(repository: Path, images: None) -> None:
    (repository / ".ci.yaml").write_text(CONDITIONS)
    answer = finish(begin("run", "--branch", "topic", "--changed", "src/a"))
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert "test   │ on topic" in lines
    assert "deploy │ deployed" in lines
    assert not any("never" in line for line in lines)
    (docs,) = [line for line in lines if line.startswith("- docs")]
    assert docs.endswith("if: the one changed file does not match docs/**")
    assert lines[-1] == "2 jobs passed, 1 skipped"


@pytest.mark.docker
def test_artifacts_go_where_they_are_asked_for_and_caches_stay(
    repository: Path, images: None, tmp_path: Path
) -> None:
    (repository / ".ci.yaml").write_text(KEEPING)
    home = str(tmp_path / "cache")
    first = finish(begin("run", XDG_CACHE_HOME=home))
    assert 'cache "k": miss; written, ' in first.out
    again = finish(begin("run", "--artifacts", str(tmp_path / "kept"), XDG_CACHE_HOME=home))
    assert (again.code, 'cache "k": hit, ' in again.out) == (0, True)
    assert (tmp_path / "kept" / "build" / "dist" / "a").read_text() == "made\n"
    assert not (repository / "dist").exists()
