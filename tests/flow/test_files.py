"""Files of jobs: in before the first step, out after the last, and what is stored and said of them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from itertools import count

import pytest

from ci_bot.core.errors import StoreError
from ci_bot.core.extras import Coverage, Extras
from ci_bot.core.model import Exit, JobRun, RunKind
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Artifacts, Cache, Job
from ci_bot.core.states import Status
from ci_bot.flow.steps import Cancelling
from tests.fakes import FakeStep
from tests.flow.road import ME, SUCCESSOR, Working
from tests.make import SHA_B, creating, job, new_run, plan

SHAS = count(1)
CACHE = Cache("deps-${{ hashFiles('lock') }}", (".deps",), ("deps-",))
BUILD = replace(job("build", "make"), artifacts=Artifacts(("dist",), junit=("*.xml",)))
REPORT = (
    b'<testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>'
)


@pytest.fixture(autouse=True)
def _real_folders(working: Working) -> None:
    working.workspaces.makes_folders = True


async def carry_out(working: Working, holder: str = ME) -> JobRun:
    claim = await working.claim(holder)
    await working.runner().carry_out(claim, Cancelling())
    attempts = await working.store.runs.attempts(claim.run.id)
    return next(each for each in attempts if each.id == claim.job.id)


async def start(working: Working, *jobs: Job) -> None:
    """Of a commit of its own each time."""
    await working.start(*jobs, sha=f"{next(SHAS):040x}")


async def test_artifacts_are_kept_and_handed_on(working: Working) -> None:
    working.executor.files = {"dist/a": b"one", "other": b"", "junit.xml": REPORT}
    await start(working, BUILD, job("test", needs=("build",)))
    built = await carry_out(working)
    kept, tests = built.extras.artifacts, built.extras.tests
    assert kept
    assert tests
    assert (kept.files, kept.size, kept.notes) == (1, 3, ())
    assert (tests.total, tests.failed, built.status) == (2, 1, Status.SUCCEEDED)
    (record,) = await working.store.artifacts.of([built.id])
    assert record.files == (("dist/a", 3),)
    tested = await carry_out(working)
    assert tested.status is Status.SUCCEEDED
    assert working.workspaces.folder(tested.id, "dist/a").read_bytes() == b"one"


async def test_of_a_failed_job_they_are_kept_where_it_says_so(working: Working) -> None:
    working.executor.files = {"dist/a": b"one", "junit.xml": REPORT}
    working.executor.steps["make"] = FakeStep(Exit(1))
    await start(working, BUILD)
    failed = await carry_out(working)
    assert failed.extras.artifacts is None
    assert failed.extras.tests
    assert failed.extras.tests.failed == 1
    assert list(working.stores.artifacts.kept()) == []


async def test_always_is_also_of_a_failed_job(working: Working) -> None:
    working.executor.files = {"dist/a": b"one"}
    working.executor.steps["make"] = FakeStep(Exit(1))
    await start(working, replace(BUILD, artifacts=Artifacts(("dist",), always=True)))
    failed = await carry_out(working)
    assert failed.status is Status.FAILED
    assert failed.extras.artifacts
    assert failed.extras.artifacts.files == 1


async def test_who_cannot_deliver_what_it_promises_fails_in_words(working: Working) -> None:
    working.executor.files = {f"dist/{number}": b"" for number in range(21)}
    await start(working, BUILD)
    ended = await carry_out(working)
    assert (ended.status, ended.reason) == (
        Status.FAILED,
        "artifacts: more than 20 files; name fewer in paths",
    )


async def test_a_glob_that_matches_nothing_is_told_and_fails_nothing(working: Working) -> None:
    await start(working, BUILD)
    ended = await carry_out(working)
    assert ended.status is Status.SUCCEEDED
    assert ended.extras.artifacts
    assert ended.extras.artifacts.notes == ("nothing matches dist",)
    assert ended.extras.tests
    assert ended.extras.tests.notes == ("no report matches *.xml",)


async def test_coverage_is_read_beside_the_tests_and_what_is_wrong_with_it_fails_nothing(
    working: Working,
) -> None:
    working.vault.secrets["TOKEN"] = SECRET
    counts = b'<coverage lines-covered="3" lines-valid="4"/>'
    covering = replace(job("build", "make"), artifacts=Artifacts(coverage=("*.xml",)))
    working.executor.files = {"a.xml": counts, "b.xml": counts}
    await start(working, covering)
    assert (await carry_out(working)).extras == Extras(coverage=Coverage(75.0, 8))
    working.executor.files = {"a.xml": counts, f"{SECRET}.xml": b"<html/>"}
    await start(working, covering)
    ended = await carry_out(working)
    assert (ended.status, ended.extras.tests) == (Status.SUCCEEDED, None)
    why = "***.xml is no Cobertura report that can be read: its root is not coverage"
    assert ended.extras.coverage == Coverage(notes=(why,))


async def test_a_name_with_a_secret_is_nowhere(working: Working) -> None:
    working.vault.secrets["TOKEN"] = "hunter2-hunter2"
    working.executor.files = {"dist/hunter2-hunter2": b"x", "dist/b": b"", "junit.xml": REPORT.replace(b"no", b"hunter2-hunter2")}  # fmt: skip
    await start(working, BUILD)
    ended = await carry_out(working)
    (record,) = await working.store.artifacts.of([ended.id])
    assert [name for name, _ in record.files] == ["dist/b"]
    assert ended.extras.artifacts
    assert ended.extras.artifacts.notes == ("left out: dist/*** (its name holds a secret)",)
    assert "hunter2" not in repr(ended)


SECRET = "hunter2-hunter2"


async def test_contents_with_a_secret_are_not_kept_and_the_file_is_named(working: Working) -> None:
    working.vault.secrets["TOKEN"] = SECRET
    working.executor.files = {"dist/a": b"x" * 5_000 + SECRET.encode() + b"x", "dist/b": b""}
    await start(working, BUILD)
    ended = await carry_out(working)
    why = "dist/a has a secret in it; write none there, or take the file out of paths"
    assert (ended.status, ended.reason) == (Status.FAILED, f"artifacts: {why}")
    assert list(working.stores.artifacts.kept()) == []
    assert await working.store.artifacts.of([ended.id]) == []


async def test_a_job_that_failed_anyway_says_so_beside_its_own_reason(working: Working) -> None:
    working.vault.secrets["TOKEN"] = SECRET
    working.executor.files = {"dist/a": b64encode(SECRET.encode())}
    working.executor.steps["make"] = FakeStep(Exit(1))
    await start(working, replace(BUILD, artifacts=Artifacts(("dist",), always=True)))
    ended = await carry_out(working)
    assert ended.reason == 'step "make": exit code 1'
    assert ended.extras.artifacts
    assert ended.extras.artifacts.notes[0].startswith("not kept: dist/a has a secret in it")
    assert list(working.stores.artifacts.kept()) == []


async def test_a_cache_with_a_secret_is_not_written_and_fails_nothing(working: Working) -> None:
    working.vault.secrets["TOKEN"] = SECRET
    working.executor.files = {"lock": b"1", ".deps/netrc": f"password {SECRET}\n".encode()}
    await start(working, replace(job("build", "make"), caches=(CACHE,)))
    ended = await carry_out(working)
    assert ended.status is Status.SUCCEEDED
    (use,) = ended.extras.caches
    assert use.note.startswith("it was not written: .deps/netrc has a secret in it")
    assert list(working.stores.caches.kept()) == []


async def test_artifacts_that_are_gone_are_told_to_who_needs_them(working: Working) -> None:
    working.executor.files = {"dist/a": b"one"}
    await start(working, BUILD, job("test", needs=("build",)))
    built = await carry_out(working)
    working.stores.artifacts.forget(built.id)
    tested = await carry_out(working)
    assert tested.status is Status.FAILED
    assert tested.reason == (
        'the artifacts of job "build" cannot be had: they are not on this server any more; run that job again'
    )


async def test_a_cache_is_missed_then_hit_and_written_once(working: Working) -> None:
    cached = replace(job("test"), caches=(CACHE,))
    working.executor.files = {"lock": b"1", ".deps/x": b"fetched"}
    await start(working, cached)
    (missed,) = (await carry_out(working)).extras.caches
    assert (missed.found, missed.written > 0, missed.note) == ("", True, "")
    await start(working, cached)
    again = await carry_out(working)
    (hit,) = again.extras.caches
    assert (hit.is_exact, hit.written, hit.key) == (True, 0, missed.key)
    assert working.workspaces.folder(again.id, ".deps/x").read_bytes() == b"fetched"
    assert len(working.stores.caches.kept()) == 1


async def test_another_lock_falls_back_to_the_newest_and_writes_its_own(working: Working) -> None:
    cached = replace(job("test"), caches=(CACHE,))
    working.executor.files = {"lock": b"1", ".deps/x": b"fetched"}
    await start(working, cached)
    (first,) = (await carry_out(working)).extras.caches
    working.executor.files["lock"] = b"2"
    await start(working, cached)
    (second,) = (await carry_out(working)).extras.caches
    assert second.key != first.key
    assert (second.found, second.is_exact, second.written > 0) == (first.key, False, True)


async def test_a_failed_job_writes_no_cache(working: Working) -> None:
    working.executor.files = {".deps/x": b"half"}
    working.executor.steps["run test"] = FakeStep(Exit(1))
    await start(working, replace(job("test"), caches=(CACHE,)))
    (use,) = (await carry_out(working)).extras.caches
    assert (use.found, use.written) == ("", 0)
    assert await working.store.caches.all() == []


async def test_a_broken_cache_fails_nothing_and_is_not_met_again(working: Working) -> None:
    cached = replace(job("test"), caches=(CACHE,))
    working.executor.files = {"lock": b"1", ".deps/x": b"fetched"}
    await start(working, cached)
    await carry_out(working)
    (pack,) = working.stores.caches.kept()
    working.stores.caches.forget(pack.id)
    await start(working, cached)
    ended = await carry_out(working)
    (use,) = ended.extras.caches
    assert ended.status is Status.SUCCEEDED
    assert use.note == "" or "could not be read" in use.note
    assert (use.found, use.written > 0) == ("", True)


async def test_an_adopted_job_keeps_the_key_that_it_began_with(working: Working) -> None:
    """Its steps may have changed the lock file since."""
    cached = replace(job("test", "make", "test"), caches=(CACHE,))
    working.executor.files = {"lock": b"1", ".deps/x": b"fetched"}
    await start(working, cached)
    claim = await working.claim()
    runner = working.runner()
    working.executor.steps["make"] = FakeStep(raises=StoreError("killed"), times=1)
    await runner.carry_out(claim, Cancelling())
    begun = await working.job()
    working.executor.files["lock"] = b"changed by a step"
    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    ended = await working.job()
    assert ended.status is Status.SUCCEEDED
    assert ended.extras.caches[0].key == begun.extras.caches[0].key
    assert ended.extras.caches[0].written > 0


async def test_taking_twice_leaves_one(working: Working) -> None:
    """The end of the job was not stored: the next process does it again."""
    flaky = working.flaky
    flaky.fails["end_job"] = [StoreError("the database is away")]
    working.executor.files = {"dist/a": b"one"}
    await start(working, BUILD)
    claim = await working.claim()
    await working.runner(flaky).carry_out(claim, Cancelling())
    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    ended = await working.job("build")
    assert ended.status is Status.SUCCEEDED
    assert ended.extras.artifacts
    assert ended.extras.artifacts.files == 1
    assert [pack.id for pack in working.stores.artifacts.kept()] == [ended.id]


async def test_a_damaged_pack_is_told_and_ends_the_job(working: Working) -> None:
    working.executor.files = {"dist/a": b"one"}
    await start(working, BUILD, job("test", needs=("build",)))
    built = await carry_out(working)
    (pack,) = (working.logs.folder.parent / "artifacts").iterdir()
    assert pack.name.startswith(built.id)
    pack.write_bytes(b"not zstd at all")
    tested = await carry_out(working)
    assert tested.status is Status.FAILED
    assert "is damaged" in tested.reason
    assert tested.reason.endswith("run that job again")


async def test_a_fork_reads_and_never_writes(working: Working) -> None:
    """Its branch may be called like the default branch, and its code may be trusted to run."""
    cached = replace(job("test"), caches=(CACHE,))
    working.executor.files = {"lock": b"1", ".deps/x": b"good"}
    await start(working, cached)
    await carry_out(working)
    working.executor.files |= {"lock": b"2", ".deps/x": b"poison"}
    forked = replace(plan(cached), facts=Facts(fork=True))
    new = new_run(SHA_B, kind=RunKind.PULL_REQUEST, ref="main", pull=3, base_ref="main", plan=forked)
    await working.store.decisions.commit(creating(new), None)
    ended = await carry_out(working)
    (use,) = ended.extras.caches
    assert (use.found != "", use.written) == (True, 0)
    assert use.note.startswith("nothing is written for forks")
    assert working.workspaces.folder(ended.id, ".deps/x").read_bytes() == b"good"
    assert len(await working.store.caches.all()) == 1


async def test_nothing_is_read_for_a_job_that_is_not_wanted_any_more(working: Working) -> None:
    await start(working, replace(job("test"), caches=(CACHE,)))
    claim, cancelling = await working.claim(), Cancelling()
    cancelling.ask("closed")
    await working.runner().carry_out(claim, cancelling)
    assert (await working.job()).status is Status.CANCELLED
    assert working.executor.ran == []
