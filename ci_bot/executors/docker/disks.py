"""A step that failed, and the disk that it wrote to → whose matter a full one is. Looked at after failures alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from ci_bot.core.disk import foreign_words, is_own, own_words
from ci_bot.core.errors import EngineError
from ci_bot.core.model import Exit
from ci_bot.disks import disk_of, weighed
from ci_bot.executors.docker.engine import Engine


async def blamed(engine: Engine, folder: Path | None, container: str, failed: Exit) -> Exit:
    """The same exit, with the disk in its words if the job has filled that itself.

    Raises `EngineError` where it is full with the files of others. `folder` is what the step wrote to;
    None: no disk of this machine.
    """
    if folder is None:
        return failed
    disk = await asyncio.to_thread(disk_of, folder)
    if disk is None or not disk.is_full:
        return failed
    held = await asyncio.to_thread(weighed, folder)
    layer = await engine.call(
        lambda client: client.containers(all=True, size=True, filters={"id": container})
    )
    held = replace(held, size=held.size + sum(each.get("SizeRw") or 0 for each in layer))
    said = failed.message or f"exit code {failed.code}"
    if is_own(disk, held):
        return replace(failed, message=f"{said}; {own_words(held)}")
    raise EngineError(f"{foreign_words(disk)}: {said}")
