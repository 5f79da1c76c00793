"""What all sessions of one executor share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ci_bot.executors.docker.engine import Engine
from ci_bot.executors.docker.images import Images
from ci_bot.executors.docker.interiors import Interiors
from ci_bot.executors.docker.job_engine import JobEngine
from ci_bot.executors.docker.limits import Limits, Runtimes
from ci_bot.executors.docker.sight import Sight


@dataclass(frozen=True, slots=True)
class Host:
    """`starts` lets as many containers start at once as the limits say."""

    engine: Engine
    images: Images
    interiors: Interiors
    sight: Sight
    starts: asyncio.Semaphore
    instance: str
    limits: Limits
    runtimes: Runtimes
    engine_of: Callable[[str], JobEngine | None]  # what the jobs of a repository may have
    run_dir: Path
