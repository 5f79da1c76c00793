"""Logs in files: bounded, masked, whole after any kill, followed without gap or repeat."""

import asyncio
import os
import resource
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_bot.archive.logs import FileLogs
from ci_bot.core.errors import StoreError
from ci_bot.core.mask import Masker
from ci_bot.core.model import LogRef

LOG = LogRef("01hx", 0)
SECRET = b"hunter22"


@pytest.fixture
def logs(tmp_path):
    return FileLogs(tmp_path / "logs", limit=1000)


def written(logs, *pieces, secrets=(), notes=()):
    writer = logs.open(LOG, secrets)
    for piece in pieces:
        writer.write(piece)
    for note in notes:
        writer.note(note)
    size = writer.close()
    stored = logs.read(LOG)
    assert size == logs.size(LOG) == len(stored)
    return stored


def lines(count):
    return b"".join(b"line %06d\n" % number for number in range(count))


async def collected(logs, start=0):
    return b"".join([piece async for piece in logs.follow(LOG, start)])


class TestWriting:
    def test_what_fits_is_kept_as_it_came(self, logs):
        assert written(logs, b"one\n", b"", b"two") == b"one\ntwo"

    def test_what_comes_in_one_piece_is_kept_too(self, logs):
        assert written(logs, lines(83)) == lines(83)

    def test_secrets_never_reach_the_disk(self, logs):
        assert written(logs, b"a hun", b"ter22 b\n", secrets=[SECRET], notes=["c hunter22"]) == (
            b"a *** b\n[ci-bot] c ***\n"
        )

    def test_notes_are_lines_of_their_own_at_the_end(self, logs):
        writer = logs.open(LOG, [])
        writer.note("the server\nwas restarted")
        writer.write(b"no line break")
        writer.note("timed out")
        writer.close()
        assert (
            logs.read(LOG) == b"no line break\n[ci-bot] the server was restarted\n[ci-bot] timed out\n"
        )

    def test_closing_twice_gives_the_same_size(self, logs):
        writer = logs.open(LOG, [])
        writer.write(b"12345")
        assert writer.close() == writer.close() == 5

    def test_a_closed_log_takes_nothing_more(self, logs):
        writer = logs.open(LOG, [])
        writer.close()
        with pytest.raises(StoreError, match="closed"):
            writer.write(b"x")

    @pytest.mark.parametrize("job_id", ["", "..", "../x", "a/b", "a.b", "-x", "x" * 65, "é"])
    def test_only_our_own_ids_become_paths(self, logs, job_id):
        with pytest.raises(ValueError, match="not the id of a job"):
            logs.open(LogRef(job_id, 0), [])

    def test_a_log_that_is_not_there_is_empty(self, logs):
        assert logs.read(LOG) == logs.tail(LOG, 9) == b""
        assert logs.size(LOG) == 0

    def test_forgetting_removes_the_job_and_may_be_repeated(self, logs):
        written(logs, b"x")
        logs.forget(LOG.job_id)
        logs.forget(LOG.job_id)
        assert logs.size(LOG) == 0


class TestLimit:
    def test_head_and_end_are_kept_and_the_cut_is_announced(self, logs):
        stored = written(logs, lines(1000))
        head, rest = stored[:500], stored[500:]
        over, cut, end = rest.removeprefix(b"\n").split(b"\n", 2)
        assert lines(1000).startswith(head)
        assert (
            over
            == b"[ci-bot: over the log limit of 1000 bytes; only the end will follow, when the step ends]"
        )
        assert lines(1000).endswith(b"\n" + end)
        assert 480 < len(end) <= 500
        missing = (12_000 - len(head) - len(end)) / 1024
        assert cut == b"[ci-bot: %.1f KiB cut here; the log limit is 1000 bytes]" % missing

    def test_just_the_limit_is_not_over_it(self, logs):
        assert written(logs, b"x" * 1000) == b"x" * 1000
        logs.forget(LOG.job_id)
        assert b"[ci-bot: 1 byte cut here" in written(logs, b"x" * 1001)

    def test_one_endless_line_is_cut_too(self, logs):
        stored = written(logs, b"x" * 5000)
        assert len(stored) < 1200
        assert stored.endswith(b"3.9 KiB cut here; the log limit is 1000 bytes]\n" + b"x" * 500)

    @given(st.binary(max_size=400), st.lists(st.integers(1, 90), min_size=1), st.integers(0, 120))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_pieces_do_not_matter(self, tmp_path, data, sizes, limit):
        logs = FileLogs(tmp_path / "logs", limit=limit)
        logs.forget(LOG.job_id)
        whole = written(logs, data + SECRET, secrets=[SECRET])
        logs.forget(LOG.job_id)
        assert written(logs, *_pieces(data + SECRET, sizes), secrets=[SECRET]) == whole
        assert len(whole) <= limit + 200


class TestRestart:
    """The old process is gone at any moment; the new one is fed from the first byte again."""

    @given(
        st.integers(0, 3000),
        st.lists(st.integers(1, 700), min_size=1),
        st.lists(st.integers(1, 700), min_size=1),
        st.integers(0, 40),
        st.booleans(),
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    def test_nothing_lost_and_nothing_twice(self, tmp_path, size, first, second, kill_after, torn):
        logs = FileLogs(tmp_path / "logs", limit=1000)
        data = (lines(300) + SECRET)[-size:] if size else b""
        logs.forget(LOG.job_id)
        whole = written(logs, data, secrets=[SECRET], notes=["a note"])
        logs.forget(LOG.job_id)
        dying = logs.open(LOG, [SECRET])
        for piece in _pieces(data, first)[:kill_after]:
            dying.write(piece)
        path = tmp_path / "logs" / LOG.job_id / "0.log"
        if torn:
            os.truncate(path, logs.size(LOG) // 2)
        before = logs.read(LOG)
        assert written(logs, *_pieces(data, second), secrets=[SECRET], notes=["a note"]) == whole
        assert whole.startswith(before)

    @given(st.integers(0, 1300), st.booleans())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    def test_killed_while_closing(self, tmp_path, size, has_note):
        logs = FileLogs(tmp_path / "logs", limit=1000)
        logs.forget(LOG.job_id)
        notes = ["timed out"] if has_note else []
        whole = written(logs, lines(200), notes=notes)
        os.truncate(tmp_path / "logs" / LOG.job_id / "0.log", min(size, len(whole)))
        assert written(logs, lines(200), notes=notes) == whole

    def test_a_stopped_server_lets_go_and_the_next_one_goes_on(self, logs):
        logs.open(LOG, []).write(b"one\ntw")
        assert written(logs, b"one\n", b"two\n") == b"one\ntwo\n"

    def test_what_an_earlier_process_saw_is_kept_when_nothing_more_comes(self, logs):
        logs.open(LOG, []).write(b"one\ntwo\n")
        assert written(logs, notes=["the container has vanished"]) == (
            b"one\ntwo\n[ci-bot] the container has vanished\n"
        )
        assert written(logs, b"one\n") == b"one\ntwo\n[ci-bot] the container has vanished\n"

    def test_other_bytes_than_before_replace_what_differs_and_a_note_says_so(self, logs):
        logs.open(LOG, []).write(b"one\ntwo\nthree\n")
        assert written(logs, b"one\nTWO\n") == (
            b"one\nTWO\n[ci-bot] what the engine gave after a restart differs from byte 4 on; "
            b"that part was written anew\n"
        )

    def test_a_killed_process_leaves_a_prefix_of_the_masked_stream(self, logs, tmp_path):
        code = """
import sys, time
from pathlib import Path
from ci_bot.archive.logs import FileLogs
from ci_bot.core.model import LogRef
writer = FileLogs(Path(sys.argv[1])).open(LogRef("01hx", 0), [b"hunter22"])
for number in range(300_000):
    writer.write(b"%d hunter22\\n" % number)
    if number == 1000: print("go", flush=True)
time.sleep(60)
"""
        root = tmp_path / "logs"
        with subprocess.Popen(
            [sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE
        ) as victim:
            assert victim.stdout
            victim.stdout.readline()
            victim.kill()
        stored = FileLogs(root).read(LOG)
        raw = b"".join(b"%d hunter22\n" % number for number in range(stored.count(b"\n") + 9))
        masked = Masker([SECRET]).mask(raw)
        assert len(stored) > 5000
        assert masked.startswith(stored)
        everything = FileLogs(root)
        assert written(everything, raw, secrets=[SECRET]) == masked


class TestFollowing:
    async def test_no_gap_and_no_repeat_while_it_is_written(self, logs):
        logs = FileLogs(logs._root)
        data = lines(20_000)

        def write():
            writer = logs.open(LOG, [])
            for piece in _pieces(data, [1, 999, 12, 4096]):
                writer.write(piece)
            writer.close()

        early = asyncio.create_task(collected(logs))
        middle = asyncio.create_task(collected(logs, 5000))
        await asyncio.gather(asyncio.to_thread(write), early, middle)
        assert early.result() == await collected(logs) == data
        assert middle.result() == data[5000:]

    async def test_it_waits_for_the_end_that_another_process_marks(self, logs):
        writer = logs.open(LOG, [])
        writer.write(b"begun\n")
        follower = logs.follow(LOG)
        assert await anext(follower) == b"begun\n"
        rest = asyncio.create_task(anext(follower, b"ended"))
        await asyncio.sleep(0.12)
        assert not rest.done()
        FileLogs(logs._root).open(LOG, []).close()
        assert await rest == b"ended"

    async def test_it_ends_when_the_log_is_removed(self, logs):
        logs.open(LOG, []).write(b"begun\n")
        follower = logs.follow(LOG)
        assert await anext(follower) == b"begun\n"
        rest = asyncio.create_task(anext(follower, b"ended"))
        await asyncio.sleep(0.12)
        logs.forget(LOG.job_id)
        assert await rest == b"ended"


class TestTail:
    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            (100, b"one\ntwo\nthree\n"),
            (14, b"one\ntwo\nthree\n"),
            (13, b"two\nthree\n"),
            (10, b"two\nthree\n"),
            (9, b"three\n"),
            (6, b"three\n"),
            (3, b"ee"),
            (0, b""),
        ],
    )
    def test_it_begins_with_a_whole_line(self, logs, size, expected):
        written(logs, b"one\ntwo\nthree\n")
        assert logs.tail(LOG, size) == expected


class TestDisk:
    def test_a_full_disk_is_said_in_words_and_the_rest_is_refused(self, logs):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
        try:
            writer = logs.open(LOG, [])
            with pytest.raises(StoreError, match=r"0\.log cannot be written: File too large"):
                writer.write(lines(40))
            with pytest.raises(StoreError, match="cannot be written"):
                writer.write(b"x")
            with pytest.raises(StoreError, match="cannot be written"):
                writer.close()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert logs.read(LOG) == lines(40)[:300]
        assert written(logs, lines(40)) == lines(40)

    def test_a_directory_that_cannot_be_made_is_said_in_words(self, tmp_path):
        (tmp_path / "logs").write_text("a file")
        with pytest.raises(StoreError, match="cannot be written: Not a directory"):
            FileLogs(tmp_path / "logs").open(LOG, [])


def _pieces(data, sizes):
    """Cuts data into pieces of these sizes, over and over."""
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
    return pieces
