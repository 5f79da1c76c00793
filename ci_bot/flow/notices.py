"""4c. notices: a branch that turned red, or green again, is told to whoever wants to hear of it, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from ci_bot.core.effects import Tell, Turned
from ci_bot.core.errors import SecretRefused, StoreError
from ci_bot.core.model import Run
from ci_bot.core.notices import notice
from ci_bot.flow.known import masked, masker_of
from ci_bot.ports import Effects, Notifier, StoredEffect, Vault

_log = structlog.get_logger()

#: What stands with an effect while it is performed: no process may ever begin it again.
BEGUN: Final = "cut off while it was being sent: perhaps it arrived, so it is not sent again"
RUN_GONE: Final = "its run is gone"


class Notices:
    """Performs the two effects of notifications.

    A turn becomes one effect for each address. What is about to be sent is first stored as given up, so
    a server that is killed over it leaves a message that is sent at most once; only what the service
    is known not to have taken is stored as pending again, by the caller.
    """

    def __init__(
        self,
        notifier: Notifier,
        effects: Effects,
        vault: Vault,
        url: Callable[[str, str | None], str],
    ) -> None:
        self._notifier = notifier
        self._effects = effects
        self._vault = vault
        self._url = url

    async def perform(self, stored: StoredEffect, effect: Turned | Tell) -> None:
        """To its end, which is stored. Raises `NoticeFailed` where it did not get through."""
        if isinstance(effect, Turned):
            names = self._notifier.targets(effect.repo, effect.branch, effect.turn)
            await self._effects.done(stored.id, [Tell(effect, name) for name in names])
        else:
            await self._tell(stored, effect)

    async def _tell(self, stored: StoredEffect, effect: Tell) -> None:
        runs = await self._effects.runs((effect.of.run,))
        if not runs:
            await self._effects.give_up(stored.id, RUN_GONE)
            return
        url = self._url(runs[0].id, None)
        text = notice(effect.of, runs[0], url, await self._mask(runs[0]))
        await self._effects.give_up(stored.id, BEGUN)
        await self._notifier.send(effect.target, text)
        await self._sent(stored)

    async def _sent(self, stored: StoredEffect) -> None:
        try:
            await self._effects.done(stored.id)
        except StoreError as error:  # it stays as it was begun: never to be sent again
            _log.warning("notification sent, which is not stored", error=str(error))

    async def _mask(self, run: Run) -> Callable[[str], str]:
        try:
            masker = masker_of(await self._vault.values(run))
        except SecretRefused:  # what cannot be read any more was masked when it could be
            masker = None
        return (lambda text: masked(text, masker)) if masker else str


class Nobody:
    """Implements `ports.Notifier` where no notifications are set up."""

    def targets(self, *_: object) -> tuple[str, ...]:
        return ()

    async def send(self, *_: object) -> None:
        raise NotImplementedError
