"""`resources`: what a job may use, and what a person is told who asks for too much."""

from __future__ import annotations

import pytest

from ci_bot.core.pipeline import Limits
from ci_bot.core.planned import Resources
from tests.core.pipeline.examples import complaints, job, read_text

SERVER = Limits(max_cpus=4, max_memory=8 << 30, max_pids=1000)


def resources(line: str) -> Resources:
    found = read_text(job(line), SERVER).pipeline
    assert found
    return found.jobs[0].resources


def test_what_is_asked_for() -> None:
    assert resources("resources: {cpu: 2, memory: 4GiB, pids: 512}") == Resources(2.0, 4 << 30, 512)
    assert resources("resources: {cpu: 0.5, memory: 1.5G}") == Resources(0.5, 3 << 29, None)
    assert resources("resources: {memory: 8192MiB}").memory == 8 << 30
    assert resources("timeout: 1m") == Resources()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("cpu: 5", "cpu: 5 is more than the 4 processors that this server allows"),
        ("memory: 9GiB", "memory: 9GiB is more than the 8192 MiB that this server allows"),
        ("pids: 1001", "pids: 1001 is more than the 1000 processes that this server allows"),
        ("cpu: many", 'cpu: "many" is not a number of processors; write it like "2" or "0.5"'),
        ("cpu: 0", 'cpu: "0" is not a number of processors; write it like "2" or "0.5"'),
        ("memory: 4", 'memory: "4" is not a size; write it like "512MiB" or "4GiB"'),
        ("memory: 1MiB", "memory: 1MiB is too little for any container; ask for 6 MiB"),
        ("pids: 1.5", 'pids: "1.5" is not a number of processes; write a whole number, at least 16'),
    ],
)
def test_what_cannot_be_had_is_told(line: str, told: str) -> None:
    key, _, value = line.partition(": ")
    column = len(f"    resources: {{{key}: ") + 1
    found = complaints(job(f"resources: {{{key}: {value}}}"), SERVER)
    assert found == [f"4:{column}: jobs.build.resources.{told}"]


def test_a_file_that_knows_no_server_may_ask_for_anything() -> None:
    assert complaints(job("resources: {cpu: 900, memory: 900GiB, pids: 900000}")) == []
