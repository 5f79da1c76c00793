"""`asyncio.run` for work that has something to put away: Ctrl-C, SIGTERM and a closed terminal cancel it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import click

#: What Python does not turn into an exception by itself.
#: A CI that cancels, `timeout` and a container's engine send the first, a terminal that is closed the second.
ENDING: Final = (signal.SIGTERM, signal.SIGHUP)

Result = TypeVar("Result")


def run_interruptible(work: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run`, whose work each of these signals cancels; a second one cancels what it does then.

    Raises `KeyboardInterrupt` after Ctrl-C, else `click.exceptions.Exit` with 128 and the signal's number, as
    shells count.
    """
    came: list[signal.Signals] = []

    async def listening() -> Result:
        loop, working = asyncio.get_running_loop(), asyncio.create_task(work)

        def end(number: signal.Signals) -> None:
            came.append(number)
            working.cancel()

        for number in ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has it ignored, and means it
                loop.add_signal_handler(number, end, number)
        return await working

    try:
        return asyncio.run(listening())
    except asyncio.CancelledError:
        if not came:
            raise
        click.echo(f"ci-bot: ended by {came[0].name}", err=True)
        raise click.exceptions.Exit(128 + came[0]) from None
