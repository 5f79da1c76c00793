"""What a shared container's gate is told and says, with the shells that images have as /bin/sh."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ci_bot.core.model import Usage
from ci_bot.executors.docker import gate, script
from ci_bot.executors.docker.gate import Counters, Mark, Marks, ran_out, used
from tests.executors.docker.test_script import NAMES, VALUES, busybox, exports, shell, spec

__all__ = ["busybox", "shell"]

NONCE = "0123456789abcdef"
BEGUN = b"\0ci-bot:0123456789abcdef:%d:begun;\n"
ENDED = b"\0ci-bot:0123456789abcdef:%d:%d:4096 1500000000/%d;\n"


def parted(output: bytes, cuts: list[int]) -> list[bytes | Mark]:
    """What comes of it when it arrives in pieces, neighbouring ones put together again."""
    marks, found = Marks(NONCE), list[bytes | Mark]()
    places = [0, *sorted(cut % (len(output) + 1) for cut in cuts), len(output)]
    pieces = [output[start:end] for start, end in pairwise(places)]
    for piece in [each for chunk in pieces for each in marks.feed(chunk)] + [marks.end()]:
        last = found[-1] if found else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            found[-1] = last + piece
        elif piece != b"":
            found.append(piece)
    return found


NEARLY = st.sampled_from([b"\0", b"\n", b"\0ci-bot:", BEGUN[:20], BEGUN[:-3] % 7, b";\n", b"x"])
WRITTEN = st.lists(NEARLY | st.binary(max_size=9), max_size=6).map(b"".join)


@given(WRITTEN, WRITTEN, WRITTEN, st.lists(st.integers(0, 500), max_size=8))
@example(b"no end", b"\nblank line first", b"", [])
def test_marks_are_taken_out_and_every_other_byte_stays(
    first: bytes, second: bytes, third: bytes, cuts: list[int]
) -> None:
    # A mark that a step began to write and did not end would swallow the true one: none knows the nonce.
    first, second, third = (each.replace(NONCE.encode(), b"?") for each in (first, second, third))
    output = first + BEGUN % 3 + second + ENDED % (3, 7, 1) + third
    expected = [
        first,
        Mark(3),
        second,
        Mark(3, 7, Counters(4096, 1.5, 1)),
        third,
    ]
    assert parted(output, cuts) == [each for each in expected if each != b""]


def test_what_only_looks_like_a_mark_is_output() -> None:
    for output in (b"\0ci-bot:other:1:begun;\n", b"\0ci-bot:0123456789abcdef:1:x;", b"\0" * 400):
        assert parted(output, [3, 9]) == [output]


def test_output_is_not_held_back_without_need() -> None:
    marks = Marks(NONCE)
    assert list(marks.feed(b"50 %")) == [b"50 %"]
    assert list(marks.feed(b"a\0b")) == [b"a\0b"]
    assert list(marks.feed(b"\0ci-bot:" + b"x" * 999)) == [b"\0ci-bot:" + b"x" * 999]


def test_what_one_turn_used() -> None:
    before, after = Counters(100, 1.5, 1), Counters(100, 4.0, 1)
    assert used(before, after) == Usage(None, 2.5)
    assert used(before, Counters(101, 4.0, 1)) == Usage(101, 2.5)
    assert used(Counters(), Counters(None, None, None)) is None
    assert used(Counters(None, None, None), after) is None
    assert ran_out(before, after) is False
    assert ran_out(before, Counters(ooms=2)) is True
    assert ran_out(before, Counters(ooms=None)) is None


def said(shell: list[str], told: bytes) -> list[bytes | Mark]:
    """What the gate says to all that and the end of its input."""
    done = subprocess.run(
        [*shell, "-c", gate.program(NONCE).decode()],
        input=told,
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "ci_bot_last": "9"},
    )
    assert (done.returncode, done.stderr) == (gate.CLOSED_CODE, b"")
    found = parted(done.stdout, [])
    return [Mark(each.turn, each.code) if isinstance(each, Mark) else each for each in found]


def turn(number: int, begin: str) -> bytes:
    return gate.telling(NONCE, number, begin.encode())


def test_each_turn_is_taken_once_and_its_end_is_said(shell: list[str]) -> None:
    one, two = turn(1, "exec echo hi </dev/null\n"), turn(2, "A=1; printf x >&2; exit 3\n")
    three = turn(3, "exec sh -c 'kill -9 $$' </dev/null\n")
    four = turn(4, "echo ${A-unset} ${ci_bot_last-unset}; exec /no/such/program\n")
    found = said(shell, one + one + two + one + three + four)
    assert found[:-2] == [
        Mark(1), b"hi\n", Mark(1, 0),
        Mark(2), b"x", Mark(2, 3),
        Mark(3), Mark(3, 137),
        Mark(4),
    ]  # fmt: skip
    assert isinstance(found[-2], bytes)  # and the shell's own words
    assert found[-2].startswith(b"unset unset\n")
    assert found[-1] == Mark(4, 127)


@given(env=st.dictionaries(NAMES, VALUES, max_size=5), cut=st.floats(0, 1))
@example({"X_A": "it's \"q\" $HOME `id` \\n \\ * ~ ! # \n\n\t\r\x01 é \u2028 \U0001f600 '"}, 0.5)
@example({"X_A": "\n" * 500, "X_B": "\\\n", "X_C": " x ", "X_D": f"{NONCE} turn 9"}, 0.99)
@settings(max_examples=30, deadline=None)
def test_what_was_cut_off_is_told_again_and_arrives_whole(
    shell: list[str], env: dict[str, str], cut: float
) -> None:
    whole = gate.telling(NONCE, 1, exports(env) + b"\nexec /usr/bin/env -0\n")
    begun, seen, ended = said(shell, whole[: int(cut * (len(whole) - 1))] + whole)
    assert (begun, ended) == (Mark(1), Mark(1, 0))
    assert isinstance(seen, bytes)
    pairs = {name: value for name, _, value in (line.partition(b"=") for line in seen.split(b"\0"))}
    assert {name: pairs[name.encode()].decode() for name in env} == env


def test_a_turn_tells_that_its_environment_is_read_and_leaves_counting_to_the_gate() -> None:
    plain, of_turn = script.begin(spec("x")), script.begin(spec("x"), is_turn=True)
    assert script.RECEIPT_INSIDE.encode() in of_turn
    assert script.USAGE_INSIDE.encode() in plain
    assert script.USAGE_INSIDE.encode() not in of_turn
