"""A shared container's output, read turn by turn."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ci_bot.core.model import Usage
from ci_bot.executors.docker.control import Turn
from ci_bot.executors.docker.reading import Ended, Reading

NONCE = "n"


class Kept:
    def __init__(self) -> None:
        self.content = b""

    def write(self, chunk: bytes) -> None:
        self.content += chunk


class Given:
    """A stream of what the engine gives of an attached container."""

    of_log = False

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def chunks(self) -> Iterator[bytes]:
        return (struct.pack(">BxxxL", 1, len(chunk)) + chunk for chunk in self._chunks)

    def abort(self) -> None: ...

    def close(self) -> None: ...


def begun(turn: int) -> bytes:
    return b"\0ci-bot:n:%d:begun;\n" % turn


def ended(turn: int, code: int, counted: bytes) -> bytes:
    return b"\0ci-bot:n:%d:%d:%s;\n" % (turn, code, counted)


def read(reading: Reading, number: int, skip: int = 0) -> tuple[Ended | None, bytes]:
    sink = Kept()
    return reading.read(Turn("0-g1", number, NONCE), sink, skip), sink.content


WHOLE = (
    begun(1) + b"one" + ended(1, 0, b"100 1000000000/0"),
    b"between\n" + begun(2) + b"two" + ended(2, 3, b"100 3000000000/1") + b"late",
    begun(3) + b"three",
)
FIRST = Ended(0, Usage(100, 1.0), False, 100)
SECOND = Ended(3, Usage(None, 2.0), True, 100)


def test_turn_after_turn_from_one_stream() -> None:
    reading = Reading(Given(*WHOLE), NONCE)
    assert read(reading, 1) == (FIRST, b"one")
    assert read(reading, 2) == (SECOND, b"between\ntwo")
    assert read(reading, 3) == (None, b"latethree")
    assert reading.is_past(Turn("0-g1", 2, NONCE))
    assert not reading.is_past(Turn("0-g1", 3, NONCE))


def test_one_turn_of_a_log_and_of_that_what_is_not_stored() -> None:
    assert read(Reading(Given(*WHOLE), NONCE), 2, skip=9) == (SECOND, b"wo")
    assert read(Reading(Given(*WHOLE), NONCE), 3, skip=4) == (None, b"three")


def test_a_stream_that_breaks_in_a_mark_gives_nothing_of_it_and_its_end_gives_all() -> None:
    cut = b"one" + ended(1, 0, b"")[:12]
    assert read(Reading(Given(cut), NONCE), 1) == (None, b"one")
    sink = Kept()
    assert Reading(Given(cut), NONCE).read(Turn("0-g1", 1, NONCE), sink, 1, is_all=True) is None
    assert sink.content == cut[1:]


def test_a_log_that_lost_its_beginning_says_so_and_what_it_does_not_know() -> None:
    for lost in (WHOLE[1], WHOLE[1].partition(b"begun;\n")[2]):
        found, _ = read(Reading(Given(lost), NONCE), 2)
        assert found == Ended(3, None, None, 100, is_whole=False)
