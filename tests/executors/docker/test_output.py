"""The engine's frames, cut anywhere, give back what was written."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ci_bot.executors.docker.output import Demultiplexer

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
