"""What every `Executor` must do: each check takes the executor, a job and an image with a shell and git's friends.

An adapter's tests run all of `CHECKS` and of `SHARING`, each with an executor and a job of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import pytest

from ci_bot.core.errors import StepRefused
from ci_bot.core.globs import Globs
from ci_bot.core.model import Exit, ExitReason
from ci_bot.core.planned import Step
from ci_bot.ports import Alive, Executor, JobSpec, LogWriter, Session, StepSpec

Check = Callable[[Executor, JobSpec, str], Awaitable[None]]

LINES = b"".join(b"%d\n" % number for number in range(1, 20_001))


@dataclass
class MemoryLog:
    """Keeps what a step writes."""

    content: bytearray = field(default_factory=bytearray)
    notes: list[str] = field(default_factory=list)
    wrote: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def write(self, chunk: bytes) -> None:
        self.content += chunk
        self.loop.call_soon_threadsafe(self.wrote.set)

    def note(self, line: str) -> None:
        self.notes.append(line)

    def close(self) -> int:
        return len(self.content)

    async def shows(self, text: bytes) -> None:
        """Waits until the text has been written."""
        while text not in self.content:
            self.wrote.clear()
            await asyncio.wait_for(self.wrote.wait(), 60)


def step(
    run: str,
    image: str,
    *,
    index: int = 0,
    generation: int = 1,
    env: Mapping[str, str] | None = None,
    workdir: str = ".",
) -> StepSpec:
    return StepSpec(index, generation, Step("a step", run, image, workdir=workdir), env or {})


def sharing(job: JobSpec) -> JobSpec:
    """The same job, whose steps share a container."""
    return replace(job, job=replace(job.job, shares_container=True))


def only(*job_ids: str) -> Alive:
    """Says that these jobs are alive."""

    async def alive() -> Collection[str]:
        return job_ids

    return alive


async def run(session: Session, spec: StepSpec) -> tuple[Exit, bytes]:
    log = MemoryLog()
    assert_log: LogWriter = log
    end = await session.run(spec, assert_log)
    return end, bytes(log.content)


async def marks(session: Session, image: str) -> bytes:
    """What steps left in the file `marker` of the workspace, as another step sees it."""
    _, output = await run(session, step("cat marker", image, index=9))
    return output


async def a_step_ends_with_its_exit_code(executor: Executor, job: JobSpec, image: str) -> None:
    async with executor.session(job) as session:
        assert await run(session, step("exit 0", image)) == (Exit(0), b"")
        assert await run(session, step("exit 7", image, index=1)) == (Exit(7), b"")


async def the_first_failing_command_ends_the_script(
    executor: Executor, job: JobSpec, image: str
) -> None:
    async with executor.session(job) as session:
        end, output = await run(session, step("echo one\nfalse\necho two", image))
    assert (end.code, output) == (1, b"one\n")


async def output_is_whole_and_in_the_order_written(
    executor: Executor, job: JobSpec, image: str
) -> None:
    script = "for n in 1 2 3; do echo out $n; echo err $n >&2; done; seq 1 20000; printf end"
    async with executor.session(job) as session:
        _, output = await run(session, step(script, image))
    head = b"".join(b"out %d\nerr %d\n" % (n, n) for n in (1, 2, 3))
    assert output == head + LINES + b"end"


async def standard_input_is_empty(executor: Executor, job: JobSpec, image: str) -> None:
    async with executor.session(job) as session:
        assert await run(session, step("cat; echo done", image)) == (Exit(0), b"done\n")


async def a_step_sees_its_environment(executor: Executor, job: JobSpec, image: str) -> None:
    env = {"PLAIN": "x", "ODD": 'it\'s "quoted" $HOME `id` \\ *\n next\t', "EMPTY": ""}
    async with executor.session(job) as session:
        script = 'printf "%s|" "$PLAIN" "$ODD" "${EMPTY-unset}"'
        _, output = await run(session, step(script, image, env=env))
    assert output.decode() == f"x|{env['ODD']}||"


async def steps_share_the_workspace_and_nothing_else(
    executor: Executor, job: JobSpec, image: str
) -> None:
    async with executor.session(job) as session:
        await run(session, step("echo kept > file; echo lost > /tmp/file", image))
        end, output = await run(session, step("cat file; test ! -e /tmp/file", image, index=1))
    assert (end, output) == (Exit(0), b"kept\n")


@dataclass
class MemorySink:
    """Keeps what is shown to it."""

    files: dict[str, tuple[bytes, bool]] = field(
        default_factory=dict
    )  # content, and whether it may be run
    links: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)

    def file(self, name: str, mode: int, modified: float, size: int, content: BinaryIO) -> None:
        self.files[name] = (content.read(size), bool(mode & 0o100))

    def link(self, name: str, target: str) -> None:
        self.links[name] = target

    def other(self, name: str, what: str) -> None:
        self.others[name] = what


async def files_are_fetched_by_globs_and_links_are_not_followed(
    executor: Executor, job: JobSpec, image: str
) -> None:
    script = """
        mkdir -p out/deep/er other && echo one > out/a.txt && echo two > out/deep/er/b.txt
        echo no > out/deep/c.tmp && echo no > other/d.txt && echo run > "out/with space"
        chmod 755 "out/with space" && chmod 600 out/a.txt && ln -s /etc out/etc && ln -s /etc away
        mkfifo out/pipe
    """
    globs = Globs.of(["out", "away/passwd", "!**/*.tmp", "**/d.t*t"])
    async with executor.session(job) as session:
        before, after = MemorySink(), MemorySink()
        await session.fetch(globs, before)
        assert (await run(session, step(script, image)))[0] == Exit(0)
        await session.fetch(globs, after)
    assert before.files == {}
    assert after.files == {
        "out/a.txt": (b"one\n", False),
        "out/deep/er/b.txt": (b"two\n", False),
        "out/with space": (b"run\n", True),
        "other/d.txt": (b"no\n", False),
    }
    assert after.links == {"out/etc": "/etc"}
    assert list(after.others) == ["out/pipe"]


async def only_what_is_asked_for_is_brought(executor: Executor, job: JobSpec, image: str) -> None:
    """By its own folder, also where that is a link."""
    async with executor.session(job) as session:
        script = "mkdir out; echo one > out/a; ln -s /etc away; ln -s out also"
        assert (await run(session, step(script, image)))[0] == Exit(0)
        sink = MemorySink()
        await session.fetch(Globs.of(["out/**", "also", "away/**", "missing/**"]), sink)
    assert (list(sink.files), sink.links) == (["out/a"], {"also": "out"})


async def a_step_begins_in_its_workdir(executor: Executor, job: JobSpec, image: str) -> None:
    (job.workspace.path / "a b").mkdir()  # before the session: from then on it is the steps'
    async with executor.session(job) as session:
        _, output = await run(session, step("pwd", image, workdir="a b"))
    assert output == b"/workspace/a b\n"


async def a_missing_workdir_is_named(executor: Executor, job: JobSpec, image: str) -> None:
    async with executor.session(job) as session:
        end, output = await run(session, step("echo no", image, workdir="it's gone"))
    assert end == Exit(1, message='there is no directory "it\'s gone" in the workspace')
    assert output == b'ci-bot: there is no directory "it\'s gone" in the workspace\n'


async def prepare_runs_nothing_and_may_be_called_twice(
    executor: Executor, job: JobSpec, image: str
) -> None:
    spec = step("echo x >> marker; cat marker", image)
    async with executor.session(job) as session:
        await session.prepare(spec)
        await session.prepare(spec)
        assert await run(session, spec) == (Exit(0), b"x\n")


async def the_next_step_is_prepared_while_one_runs(
    executor: Executor, job: JobSpec, image: str
) -> None:
    following = step("echo second", image, index=1)
    async with executor.session(job) as session:
        first = asyncio.create_task(run(session, step("sleep 1; echo first", image)))
        await session.prepare(following)
        assert await first == (Exit(0), b"first\n")
        assert await run(session, following) == (Exit(0), b"second\n")


async def a_generation_runs_once(executor: Executor, job: JobSpec, image: str) -> None:
    spec = step("echo x >> marker; cat marker; exit 4", image)
    async with executor.session(job) as session:
        assert await run(session, spec) == (Exit(4), b"x\n")
        assert await run(session, spec) == (Exit(4), b"x\n")
        assert await marks(session, image) == b"x\n"


async def the_next_generation_runs_again(executor: Executor, job: JobSpec, image: str) -> None:
    script = "echo x >> marker; cat marker"
    async with executor.session(job) as session:
        assert await run(session, step(script, image)) == (Exit(0), b"x\n")
        assert await run(session, step(script, image, generation=2)) == (Exit(0), b"x\nx\n")


async def a_cancelled_run_goes_on_and_is_picked_up(
    executor: Executor, job: JobSpec, image: str
) -> None:
    spec = step("echo x >> marker; echo began; sleep 2; seq 1 20000; exit 5", image)
    log = MemoryLog()

    async def first_server() -> None:
        async with executor.session(job) as session:
            await session.run(spec, log)

    server = asyncio.create_task(first_server())
    await log.shows(b"began\n")
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server
    async with executor.session(job) as session:
        assert await run(session, spec) == (Exit(5), b"began\n" + LINES)
        assert await marks(session, image) == b"x\n"


async def stop_ends_the_running_step(executor: Executor, job: JobSpec, image: str) -> None:
    log = MemoryLog()
    async with executor.session(job) as session:
        running = asyncio.create_task(session.run(step("echo began; sleep 600", image), log))
        await log.shows(b"began\n")
        await session.stop()
        end = await asyncio.wait_for(running, 10)
    assert (end.code, end.reason) == (137, ExitReason.STOPPED)


async def stop_counts_from_the_first_moment(executor: Executor, job: JobSpec, image: str) -> None:
    log = MemoryLog()
    async with executor.session(job) as session:
        running = asyncio.create_task(session.run(step("sleep 600", image), log))
        await asyncio.sleep(0)
        await session.stop()
        end = await asyncio.wait_for(running, 10)
    assert (end.code, end.reason) == (137, ExitReason.STOPPED)


async def a_step_whose_time_ran_out_meanwhile_is_stopped_and_its_log_is_whole(
    executor: Executor, job: JobSpec, image: str
) -> None:
    """As by a server that was down when the step should have ended."""
    log, spec = MemoryLog(), step("echo began; sleep 600", image)

    async def first_server() -> None:
        async with executor.session(job) as session:
            await session.run(spec, log)

    server = asyncio.create_task(first_server())
    await log.shows(b"began\n")
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server
    again = MemoryLog()
    async with executor.session(job) as session:
        running = asyncio.create_task(session.run(spec, again))
        await asyncio.sleep(0)
        await session.stop()
        end = await asyncio.wait_for(running, 10)
        assert (end.code, end.reason) == (137, ExitReason.STOPPED)
        assert bytes(again.content) == b"began\n"
        assert await run(session, step("echo on", image, index=1)) == (Exit(0), b"on\n")


async def stop_without_a_step_does_nothing(executor: Executor, job: JobSpec, image: str) -> None:
    async with executor.session(job) as session:
        await session.stop()
        assert await run(session, step("echo on", image)) == (Exit(0), b"on\n")
        await session.stop()


async def an_impossible_image_name_is_refused(executor: Executor, job: JobSpec, image: str) -> None:
    async with executor.session(job) as session:
        with pytest.raises(StepRefused, match='image "Not An Image" is not an image name'):
            await run(session, step("true", "Not An Image"))
        assert await run(session, step("echo on", image, index=1)) == (Exit(0), b"on\n")


async def reaping_spares_the_living(executor: Executor, job: JobSpec, image: str) -> None:
    log = MemoryLog()
    async with executor.session(job) as session:
        running = asyncio.create_task(session.run(step("echo began; sleep 1; exit 3", image), log))
        await log.shows(b"began\n")
        await executor.reap(only(job.id))
        assert (await running).code == 3


async def a_session_left_by_an_error_is_kept(executor: Executor, job: JobSpec, image: str) -> None:
    spec = step("echo x >> marker; exit 6", image)
    with pytest.raises(ZeroDivisionError):
        async with executor.session(job) as session:
            await run(session, spec)
            raise ZeroDivisionError
    async with executor.session(job) as session:
        assert await run(session, spec) == (Exit(6), b"")
        assert await marks(session, image) == b"x\n"


async def nothing_is_left_after_a_session(executor: Executor, job: JobSpec, image: str) -> None:
    async with executor.session(job) as session:
        await run(session, step("true", image))
        await session.prepare(step("true", image, index=1))
    assert await executor.reap(only()) == 0


async def what_a_step_used_is_told_where_it_is_counted(
    executor: Executor, job: JobSpec, image: str
) -> None:
    """An executor that cannot tell says None; one that tells tells the truth of this very step."""
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; head -c 30000000 /dev/zero | tail -c 30000000 | wc -c"
    async with executor.session(job) as session:
        idle, _ = await run(session, step("sleep 1", image))
        worked, output = await run(session, step(busy, image, index=1))
        failed, _ = await run(session, step("exit 3", image, index=2))
    assert output.strip() == b"30000000"
    if idle.usage is None or worked.usage is None:
        return
    assert failed.usage is not None
    if idle.usage.cpu is not None and worked.usage.cpu is not None:
        assert idle.usage.cpu < worked.usage.cpu < 60
    if idle.usage.memory is not None and worked.usage.memory is not None:
        assert idle.usage.memory < 30_000_000 <= worked.usage.memory < 4 * 1024**3


async def of_a_killed_step_nothing_is_told(executor: Executor, job: JobSpec, image: str) -> None:
    log = MemoryLog()
    async with executor.session(job) as session:
        running = asyncio.create_task(session.run(step("echo began; sleep 600", image), log))
        await log.shows(b"began\n")
        await session.stop()
        assert (await asyncio.wait_for(running, 10)).usage is None


async def how_a_script_was_killed_is_its_exit_code_and_not_its_output(
    executor: Executor, job: JobSpec, image: str
) -> None:
    async with executor.session(job) as session:
        end, output = await run(session, step("echo on; kill -9 $$", image))
        assert (end.code, output) == (137, b"on\n")
        end, output = await run(session, step("echo on; kill -SEGV $$", image, index=1))
        assert (end.code, output) == (139, b"on\n")


CHECKS: tuple[Check, ...] = (
    what_a_step_used_is_told_where_it_is_counted,
    of_a_killed_step_nothing_is_told,
    how_a_script_was_killed_is_its_exit_code_and_not_its_output,
    a_step_ends_with_its_exit_code,
    the_first_failing_command_ends_the_script,
    output_is_whole_and_in_the_order_written,
    standard_input_is_empty,
    a_step_sees_its_environment,
    steps_share_the_workspace_and_nothing_else,
    files_are_fetched_by_globs_and_links_are_not_followed,
    only_what_is_asked_for_is_brought,
    a_step_begins_in_its_workdir,
    a_missing_workdir_is_named,
    prepare_runs_nothing_and_may_be_called_twice,
    the_next_step_is_prepared_while_one_runs,
    a_generation_runs_once,
    the_next_generation_runs_again,
    a_cancelled_run_goes_on_and_is_picked_up,
    stop_ends_the_running_step,
    stop_counts_from_the_first_moment,
    a_step_whose_time_ran_out_meanwhile_is_stopped_and_its_log_is_whole,
    stop_without_a_step_does_nothing,
    an_impossible_image_name_is_refused,
    reaping_spares_the_living,
    a_session_left_by_an_error_is_kept,
    nothing_is_left_after_a_session,
)


async def consecutive_steps_share_what_is_outside_the_workspace_too(
    executor: Executor, job: JobSpec, image: str
) -> None:
    leave = "echo kept > /tmp/file; (while ! test -e ask; do sleep 0.05; done; echo here > answer) &"
    async with executor.session(sharing(job)) as session:
        assert await run(session, step(leave, image)) == (Exit(0), b"")
        script = "cat /tmp/file; touch ask; while ! test -s answer; do sleep 0.05; done; cat answer"
        assert await run(session, step(script, image, index=2)) == (Exit(0), b"kept\nhere\n")


async def each_keeps_its_own_environment_and_place(
    executor: Executor, job: JobSpec, image: str
) -> None:
    async with executor.session(sharing(job)) as session:
        first = step("mkdir sub; export MINE=x; cd /; pwd; echo $A", image, env={"A": "1"})
        assert await run(session, first) == (Exit(0), b"/\n1\n")
        spec = step("pwd; echo ${A-unset} ${MINE-unset} $B; cat", image, index=1, env={"B": "2\nend"})
        spec = replace(spec, step=replace(spec.step, workdir="sub"))
        assert await run(session, spec) == (Exit(0), b"/workspace/sub\nunset unset 2 end\n")
        missing = replace(spec, index=2, step=replace(spec.step, workdir="gone"))
        end, _ = await run(session, missing)
        assert end == Exit(1, message='there is no directory "gone" in the workspace')


async def a_failure_leaves_a_shared_container_as_it_is(
    executor: Executor, job: JobSpec, image: str
) -> None:
    async with executor.session(sharing(job)) as session:
        assert (await run(session, step("echo x > /tmp/file; exit 7", image)))[0] == Exit(7)
        end, output = await run(session, step("echo on; kill -9 $$", image, index=1))
        assert (end.code, output) == (137, b"on\n")
        assert await run(session, step("cat /tmp/file", image, index=2)) == (Exit(0), b"x\n")


async def a_stop_ends_all_that_is_in_a_shared_container(
    executor: Executor, job: JobSpec, image: str
) -> None:
    leave = "touch /tmp/file; (while sleep 0.1; do date +%s%N > alive; done) &"
    log = MemoryLog()
    async with executor.session(sharing(job)) as session:
        assert (await run(session, step(leave, image)))[0] == Exit(0)
        running = asyncio.create_task(session.run(step("echo began; sleep 600", image, index=1), log))
        await log.shows(b"began\n")
        await session.stop()
        end = await asyncio.wait_for(running, 10)
        assert (end.code, end.reason) == (137, ExitReason.STOPPED)
        after = "test ! -e /tmp/file; rm -f alive; sleep 0.5; test ! -e alive; echo new"
        assert await run(session, step(after, image, index=2)) == (Exit(0), b"new\n")


async def what_is_written_belongs_to_the_step_that_runs_then(
    executor: Executor, job: JobSpec, image: str
) -> None:
    leave = "printf 'no end'; (while ! test -e ask; do sleep 0.05; done; echo late; touch said) &"
    async with executor.session(sharing(job)) as session:
        assert await run(session, step(leave, image)) == (Exit(0), b"no end")
        odd = r"printf '\n\0ci-bot:x:1:0:;\n\0'; seq 1 20000; printf '\0ci-bot:'"
        _, output = await run(session, step(odd, image, index=1))
        assert output == b"\n\0ci-bot:x:1:0:;\n\0" + LINES + b"\0ci-bot:"
        asking = "touch ask; while ! test -e said; do sleep 0.05; done"
        assert await run(session, step(asking, image, index=2)) == (Exit(0), b"late\n")


async def a_shared_container_is_picked_up_with_all_that_is_in_it(
    executor: Executor, job: JobSpec, image: str
) -> None:
    second = step("echo x >> marker; echo began; sleep 2; seq 1 20000; printf end", image, index=1)
    log = MemoryLog()

    async def first_server() -> None:
        async with executor.session(sharing(job)) as session:
            await run(session, step("echo kept > /tmp/file; seq 1 20000; printf x", image))
            await session.run(second, log)

    server = asyncio.create_task(first_server())
    await log.shows(b"began\n")
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server
    async with executor.session(sharing(job)) as session:
        assert await session.has_begun(second)
        assert await run(session, second) == (Exit(0), b"began\n" + LINES + b"end")
        assert await run(session, step("cat /tmp/file; exit 3", image, index=2)) == (Exit(3), b"kept\n")
        assert await run(session, second) == (Exit(0), b"began\n" + LINES + b"end")
        assert await marks(session, image) == b"x\n"


async def nothing_changes_the_files_while_they_are_fetched(
    executor: Executor, job: JobSpec, image: str
) -> None:
    leave = "mkdir out; touch out/a; (i=0; while sleep 0.05; do i=$((i+1)); touch out/$i; done) &"
    async with executor.session(sharing(job)) as session:
        assert (await run(session, step(leave, image)))[0] == Exit(0)
        assert (await run(session, step("sleep 0.3", image, index=1)))[0] == Exit(0)
        first, second = MemorySink(), MemorySink()
        await session.fetch(Globs.of(["out"]), first)
        await session.fetch(Globs.of(["out"]), second)
    assert "out/a" in first.files
    assert first.files == second.files


#: What sharing a container means.
SHARED: tuple[Check, ...] = (
    consecutive_steps_share_what_is_outside_the_workspace_too,
    each_keeps_its_own_environment_and_place,
    a_failure_leaves_a_shared_container_as_it_is,
    a_stop_ends_all_that_is_in_a_shared_container,
    what_is_written_belongs_to_the_step_that_runs_then,
    a_shared_container_is_picked_up_with_all_that_is_in_it,
    nothing_changes_the_files_while_they_are_fetched,
)

#: All that holds of a job whose steps share a container.
SHARING: tuple[Check, ...] = (
    *(check for check in CHECKS if check is not steps_share_the_workspace_and_nothing_else),
    *SHARED,
)
