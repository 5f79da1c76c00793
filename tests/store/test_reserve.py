"""Room beside the database: really there, given up at once, and there again when there is plenty."""

from __future__ import annotations

from pathlib import Path

from ci_bot.store.reserve import SIZE, Reserve


async def test_it_is_allocated_given_up_and_filled_again(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve")
    reserve.give_up()  # there is none
    await reserve.fill()
    await reserve.fill()
    found = (tmp_path / "reserve").stat()
    assert found.st_size == SIZE
    assert found.st_blocks * 512 >= SIZE
    reserve.give_up()
    assert not (tmp_path / "reserve").exists()
    await reserve.fill()
    assert (tmp_path / "reserve").exists()


async def test_where_it_cannot_be_made_nothing_breaks(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "no" / "such" / "folder")
    await reserve.fill()
    reserve.give_up()
