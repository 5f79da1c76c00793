"""The engine's frames, cut anywhere, give back what was written."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.executors.docker.output import Beginning, Demultiplexer

MESSAGE = 16 * 1024
STAMP = b"2026-11-20T14:40:47.772786290Z "


def frame(payload: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(marks)]


def messages(written: bytes, *, forgetful: bool) -> bytes:
    """Frames as log driver `local` gives them; forgetful like engines before 23."""
    frames = bytearray()
    for line in written.split(b"\n")[:-1]:
        parts = [line[at : at + MESSAGE] for at in range(0, len(line), MESSAGE)] or [b""]
        if len(parts[-1]) == MESSAGE:
            parts.append(b"")
        for part in parts[:-1]:
            frames += frame(STAMP + part)
        frames += frame(STAMP + parts[-1] + (b"" if forgetful and len(parts) > 1 else b"\n"))
    rest = written.split(b"\n")[-1]
    return bytes(frames + (frame(STAMP + rest) if rest else b""))


@given(st.lists(st.tuples(st.integers(1, 2), st.binary())), st.lists(st.integers(0)))
def test_frames_cut_anywhere(frames: list[tuple[int, bytes]], places: list[int]) -> None:
    data = b"".join(frame(payload, stream) for stream, payload in frames)
    demultiplexer = Demultiplexer(of_log=False)
    output = b"".join(demultiplexer.feed(chunk) for chunk in cut(data, places))
    assert output == b"".join(payload for _, payload in frames)


@given(st.binary(), st.lists(st.integers(0)))
def test_any_bytes_at_all(data: bytes, places: list[int]) -> None:
    demultiplexer = Demultiplexer(of_log=True)
    output = b"".join(demultiplexer.feed(chunk) for chunk in cut(data, places))
    assert len(output) <= len(data)


LENGTHS = st.sampled_from([0, 1, 80, MESSAGE - 1, MESSAGE, MESSAGE + 1, 2 * MESSAGE, 40_000])


@given(st.lists(LENGTHS), LENGTHS, st.booleans(), st.lists(st.integers(0), max_size=5))
def test_long_lines_keep_their_ends(
    lines: list[int], last: int, forgetful: bool, places: list[int]
) -> None:
    written = b"".join(b"x" * length + b"\n" for length in lines) + b"y" * (last % MESSAGE)
    demultiplexer = Demultiplexer(of_log=True)
    output = b"".join(
        demultiplexer.feed(chunk) for chunk in cut(messages(written, forgetful=forgetful), places)
    )
    assert output.rstrip(b"\n") == written.rstrip(b"\n")
    assert written.startswith(output)


OURS = "ci-bot: the step begins"
SAID = st.lists(
    st.sampled_from([b"", b"sh: warning: setlocale", b"ci-bot: the", b"\xff\0"]), max_size=3
)


@given(SAID, st.binary(max_size=50) | st.just(f"{OURS}\n".encode()), st.lists(st.integers(0)))
def test_our_own_line_is_taken_out_once_wherever_it_is_cut(
    before: list[bytes], after: bytes, places: list[int]
) -> None:
    noise = b"".join(line + b"\n" for line in before)
    heard: list[bool] = []
    beginning = Beginning(OURS, lambda: heard.append(True))
    chunks = cut(noise + f"{OURS}\n".encode() + after, places)
    output = b"".join(beginning.feed(chunk) for chunk in chunks)
    assert (output + beginning.end(), len(heard)) == (noise + after, 1)


@given(
    st.binary() | st.just(OURS.encode()) | st.just(b"x" * 5000 + f"\n{OURS}\n".encode()),
    st.lists(st.integers(0)),
)
def test_output_without_our_line_is_whole(data: bytes, places: list[int]) -> None:
    beginning = Beginning(OURS, lambda: pytest.fail("it was never written"))
    output = b"".join(beginning.feed(chunk) for chunk in cut(data, places))
    assert output + beginning.end() == data


def test_nothing_is_held_back_but_what_may_be_our_line() -> None:
    beginning = Beginning(OURS, lambda: None)
    assert beginning.feed(b"a prompt: ") == b"a prompt: "
    assert beginning.feed(b"yes\nci") == b"yes\n"
    assert beginning.feed(b"d\n") == b"cid\n"
