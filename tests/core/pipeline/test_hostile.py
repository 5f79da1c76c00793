"""Files made to end, stall or fill the process: each is read in a process of its own, within bounds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from string import ascii_letters, digits

import pytest

from tests.core.pipeline.examples import JOBS

FULL = 256 * 1024
MEMORY_MIB = 256
CPU_SECONDS = 20  # not a measurement: where the kernel ends a process that hangs

#: Forks for each file that is named on a line of its input, and says how that process ended and what it said.
READER = f"""
import os, resource, sys
from ci_bot.core.pipeline import read

def tell(name):
    resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))
    reading = read(open(name, "rb").read(), default_image="alpine")
    status = open("/proc/self/status").read()  # ru_maxrss would be that of the process we were forked from
    peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
    return peak, len(reading.problems), reading.problems[0] if reading.problems else reading.pipeline.name

for line in sys.stdin:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, " ".join(map(str, tell(line.rstrip()))).encode())
        os._exit(0)
    os.close(writer)
    said = open(reader, "rb").read().decode().replace(chr(10), " ")
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said, flush=True)
"""


def full(pattern: str, prefix: str = "") -> str:
    """The pattern again and again, to the limit of a file's size."""
    return prefix + pattern * ((FULL - len(prefix)) // len(pattern))


def jobs(steps: str, count: int) -> str:
    return "jobs:\n" + "".join(f"  j{n}: {{steps: [{steps}]}}\n" for n in range(count))


def laughs(levels: int) -> str:
    rows = (f"x-{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, levels))
    return "x-0: &x0 [lol]\n" + "".join(rows)


def merged_laughs(levels: int) -> str:
    rows = (f"x-{n}: &x{n} {{<<: [*x{n - 1}, *x{n - 1}], k{n}: v}}\n" for n in range(1, levels))
    return "x-0: &x0 {k0: v}\n" + "".join(rows)


def tag_directives() -> str:
    handles = product(ascii_letters + digits, repeat=3)
    return "".join(f"%TAG !{a}{b}{c}! x\n" for a, b, c in islice(handles, FULL // 14))


NEAR = "x" * 28
NEAR_ANCHORS = "".join(f"x-{n}: &{NEAR}{n:04} a\n" for n in range(3000))
ENV = "env: {" + ", ".join(f"A{n}: b" for n in range(3000)) + "}\n"
CIRCLES = "jobs:\n" + "".join(f"  j{n}: {{steps: [x], needs: j{n ^ 1}}}\n" for n in range(256))
NEEDS = (
    "jobs:\n"
    + "".join(f"  {NEAR}{n:04}: {{steps: [x]}}\n" for n in range(255))
    + f"  z: {{steps: [x], needs: [{', '.join(f'{NEAR}zz{n}' for n in range(10, 99))}]}}\n"
)

AXES = f"{{a: {list(range(16))}, b: {list(range(16))}}}"
IMAGES = "".join(
    f"      - {{run: x, image: 'i{n}:${{{{ matrix.a }}}}-${{{{ matrix.b }}}}'}}\n" for n in range(100)
)
EXCLUDES = ", ".join(f"{{a: {n % 16}}}" for n in range(250))

HOSTILE = {
    "images in cells": (
        "jobs:\n" + "".join(f"  j{n}:\n    matrix: {AXES}\n    steps:\n{IMAGES}" for n in range(18)),
        "4608 jobs, every cell of a matrix counted",
    ),
    "excluded cells": (
        "jobs:\n"
        + "".join(
            f"  j{n}: {{matrix: {{{AXES[1:-1]}, exclude: [{EXCLUDES}]}}, steps: [x]}}\n"
            for n in range(10)
        ),
        "no cell is left",
    ),
    "brackets": (full("["), "nested deeper than 40 levels"),
    "closed brackets": ("[" * (FULL // 2) + "]" * (FULL // 2), "nested deeper than 40 levels"),
    "braces": (full("{"), "nested deeper than 40 levels"),
    "maps in maps": (full("{a: "), "nested deeper than 40 levels"),
    "keys in keys": (full("[? "), "nested deeper than 40 levels"),
    "lists in lines": (full("- "), "nested deeper than 40 levels"),
    "blocks": ("".join(" " * n + "a:\n" for n in range(700)), "nested deeper than 40 levels"),
    "block keys": (full("? "), "nested deeper than 40 levels"),
    "billion laughs": (laughs(60), "more than 10,000 keys and values"),
    "billion merges": (merged_laughs(60), "more than 10,000 keys and values"),
    "aliases": (full("- *a\n", "- &a b\n"), "more than 10,000 keys and values"),
    "anchors": (full("- &a b\n"), "more than 10,000 keys and values"),
    "long text often": (
        f"x-a: &a {'x' * 60_000}\n" + jobs("*a, *a, *a, *a", 100),
        "more than 4 MiB of text",
    ),
    "large environment": (ENV + jobs(", ".join(["x"] * 90), 30), "with this step, all scripts"),
    "unknown keys": ("".join(f"jobs{n}: x\n" for n in range(4900)), 'did you mean "jobs"?'),
    "long keys": ("".join(f"{n}{'x' * 40}: x\n" for n in range(4900)), "unknown key"),
    "unknown needs": (NEEDS, "there is no job"),
    "unknown aliases": (
        JOBS + NEAR_ANCHORS + "".join(f"x-y{n}: *{NEAR}zz{n}\n" for n in range(10, 99)),
        "no anchor",
    ),
    "circles": (CIRCLES, "in a circle: j0 → j1 → j0"),
    "duplicate keys": ("name: x\n" * 4900 + JOBS, "duplicate key"),
    "tag directives": (tag_directives() + "--- a", "directive is not supported"),
    "many documents": (full("---\n"), "a second YAML document"),
    "long scalar": (full("x", "jobs: "), "must be a map, not text"),
    "long anchor": (full("a", "&"), ""),
    "long tag": (full("%41", "!"), "is not supported"),
    "open quote": (full("x\n", 'name: "'), "this quote is never closed"),
    "escapes": (full("\\x41", 'name: "'), "this quote is never closed"),
    "colons": (full("a:", "image: "), ""),
    "image": (full("a-", "image: "), ""),
    "workdir": ("jobs: {a: {steps: [{run: x, workdir: " + "a/../" * 50_000 + "}]}}", "1024 bytes"),
    "nothing": (full("\n"), "the file says nothing"),
    "NULs": (full("\0"), "binary"),
    "dashes": (full("-"), "the file must be a map"),
}


@pytest.fixture(scope="module")
def reader() -> Iterator[subprocess.Popen[str]]:
    """Has imported what reads, which takes longer than the reading."""
    with subprocess.Popen(
        [sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.mark.parametrize("name", HOSTILE)
def test_the_process_lives_within_its_bounds(
    name: str, reader: subprocess.Popen[str], tmp_path: Path
) -> None:
    text, told = HOSTILE[name]
    (tmp_path / "file").write_bytes(text.encode()[:FULL])
    assert reader.stdin is not None
    assert reader.stdout is not None
    print(tmp_path / "file", file=reader.stdin, flush=True)
    ended, said = reader.stdout.readline().split(" ", 1)
    assert ended == "0"
    peak, count, first = said.split(" ", 2)
    assert int(peak) < MEMORY_MIB
    assert 1 <= int(count) <= 101
    assert told in first
