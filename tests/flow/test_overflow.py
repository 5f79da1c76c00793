"""Room is made on a full disk: first whoever fills it is ended, then the reserve is given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from ci_bot.core.disk import Disk, Held
from ci_bot.core.errors import EngineGone
from ci_bot.flow.overflow import PATIENCE, Overflow
from tests.fakes import FakeClock

FULL = Disk(1000, 0)
ROOMY = Disk(10**12, 10**12)


@dataclass
class Machine:
    """What is asked and done there, in order."""

    disk: Disk | None = FULL
    jobs: Mapping[str, Held] = field(default_factory=lambda: {"a": Held(10, 1), "b": Held(900, 1)})
    error: Exception | None = None
    done: list[str] = field(default_factory=list)

    async def end(self, job: str) -> None:
        self.done.append(f"end {job}")
        if self.error is not None:
            raise self.error

    async def fill(self) -> None:
        self.done.append("fill")

    def give_up(self) -> None:
        self.done.append("give up")


@pytest.fixture
def machine() -> Machine:
    return Machine()


def overflow(machine: Machine, clock: FakeClock) -> Overflow:
    return Overflow(lambda: machine.disk, lambda: machine.jobs, machine.end, machine, clock)


async def test_whoever_filled_it_is_ended_before_room_is_given(machine: Machine) -> None:
    clock = FakeClock()
    watch = overflow(machine, clock)
    await watch.look()
    await watch.look()  # it takes a while until what was written is gone
    assert machine.done == ["end b", "give up"]
    clock.time += PATIENCE
    await watch.look()
    assert machine.done == ["end b", "give up"] * 2
    machine.disk = ROOMY
    await watch.look()
    assert machine.done[-1] == "fill"


async def test_what_nobody_in_particular_filled_ends_nobody(machine: Machine) -> None:
    machine.jobs = {"a": Held(400, 1), "b": Held(400, 1)}
    await overflow(machine, FakeClock()).look()
    assert machine.done == ["give up"]


async def test_an_engine_that_is_gone_keeps_no_room_back(machine: Machine) -> None:
    machine.error = EngineGone("no answer")
    await overflow(machine, FakeClock()).look()
    assert machine.done == ["end b", "give up"]


@pytest.mark.parametrize("disk", [None, ROOMY])
async def test_while_there_is_room_the_reserve_is_kept(machine: Machine, disk: Disk | None) -> None:
    machine.disk = disk
    await overflow(machine, FakeClock()).look()
    assert machine.done == ["fill"]
