"""While a disk is nearly full new jobs wait, what was left behind is adopted, and the checks are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_bot.core.errors import StoreError
from ci_bot.core.room import Mark
from ci_bot.core.states import Status
from ci_bot.flow.bell import Bell
from ci_bot.flow.room import LOOK_SECONDS, Room
from ci_bot.flow.worker import Worker
from ci_bot.wiring.files import free_under
from tests.flow.road import ME, SUCCESSOR, Working
from tests.make import job


class Disk:
    def __init__(self) -> None:
        self.free = 2000
        self.broken = False

    def look(self, _path: str) -> int:
        if self.broken:
            raise OSError("stale file handle")
        return self.free


class Telling:
    def __init__(self) -> None:
        self.told = 0
        self.broken = False

    async def show_waiting(self) -> None:
        if self.broken:
            raise StoreError("disk full")
        self.told += 1


@pytest.fixture
def disk() -> Disk:
    return Disk()


def room(working: Working, disk: Disk, telling: object = None) -> Room:
    store = working.store
    waiting = telling or store.publications
    mark = Mark("data_dir", "/data", 1000)
    return Room([mark], disk.look, waiting, Bell(), store.clock, working.meters)  # type: ignore[arg-type]


def worker(working: Working, has_room: Room, holder: str = ME) -> Worker:
    bell = Bell()
    store = working.store
    return Worker(
        holder, 4, store.runs, working.runner(), store.clock, bell, bell, (bell,), working.meters,
        has_room.look,
    )  # fmt: skip


async def test_no_new_job_starts_and_one_that_was_left_goes_on(working: Working, disk: Disk) -> None:
    await working.start(job("left"), job("new"))
    await working.begin()
    disk.free = 10
    async with working.at_work(worker(working, room(working, disk), SUCCESSOR)):
        while (await working.job("left")).status is not Status.SUCCEEDED:
            await working.store.clock.sleep(0)
    assert (await working.job("new")).status is Status.READY


async def test_it_goes_on_by_itself_a_little_above_the_mark(working: Working, disk: Disk) -> None:
    looking = room(working, disk)
    disk.free = 999
    assert not await looking.look()
    for free, may_start in ((1100, False), (1250, True), (1100, True), (999, False)):
        disk.free = free
        working.store.clock.time += LOOK_SECONDS
        assert await looking.look() is may_start


async def test_an_answer_is_good_for_a_moment(working: Working, disk: Disk) -> None:
    looking = room(working, disk)
    assert await looking.look()
    disk.free = 0
    assert await looking.look()
    working.store.clock.time -= 3600  # a clock that was set back
    assert not await looking.look()


async def test_readiness_names_the_disk_and_the_remedy(working: Working, disk: Disk) -> None:
    looking = room(working, disk)
    await looking.check()
    disk.free = 10
    working.store.clock.time += LOOK_SECONDS
    with pytest.raises(StoreError, match=r"data_dir \(/data\).*docker image prune"):
        await looking.check()
    assert working.meters.registry.get_sample_value("ci_bot_paused") == 1


async def test_the_checks_are_told_once_for_each_change(working: Working, disk: Disk) -> None:
    telling = Telling()
    looking = room(working, disk, telling)
    telling.broken, disk.free = True, 10
    await looking.look()
    telling.broken = False
    for _ in range(3):
        await looking.look()
    assert telling.told == 1
    disk.free = 5000
    working.store.clock.time += LOOK_SECONDS
    await looking.look()
    assert (telling.told, looking.why) == (2, "")


async def test_what_waits_is_published_anew(working: Working, disk: Disk) -> None:
    await working.start(job("test"))
    for subject in await working.store.publications.due(9):
        await working.store.publications.shown(subject.id, subject.wanted)
    disk.free = 10
    await room(working, disk).look()
    assert len(await working.store.publications.due(9)) == 1


async def test_a_disk_that_cannot_be_looked_at_holds_up_nobody(working: Working, disk: Disk) -> None:
    disk.broken = True
    assert await room(working, disk).look()


def test_a_real_disk_is_measured(tmp_path: Path) -> None:
    assert free_under(str(tmp_path)) > 0
