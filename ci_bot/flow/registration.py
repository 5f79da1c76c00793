"""A new App: from the link that the operator opens, by way of the forge's pages, to its stored key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ci_bot.core.errors import ForgeError, RegistrationRefused
from ci_bot.core.patience import is_worth_waiting
from ci_bot.core.registration import LINK_SECONDS, NO_CODE, Desk, MadeApp
from ci_bot.ports import AppForm, AppMaking, Clock


class Registration:
    """One set-up, from its link until its App is stored (`stored`); one browser at a time.

    A step that fails may be repeated: the forge's code and the App that it stood for are kept in
    memory until they are used.
    """

    def __init__(
        self,
        forge: AppMaking,
        keep: Callable[[MadeApp], None],
        clock: Clock,
        new_secret: Callable[[], str],
    ) -> None:
        """`keep` stores the App for good; raises `SettingsError`. `new_secret` is safe in an address."""
        self._forge = forge
        self._keep = keep
        self._clock = clock
        self._new_secret = new_secret
        self.link = new_secret()
        self._desk = Desk(clock.now() + LINK_SECONDS, self.link)
        self._code = ""
        self._made: MadeApp | None = None
        self._turn = asyncio.Lock()
        self.stored: asyncio.Future[MadeApp] = asyncio.get_running_loop().create_future()

    def open(self, link: str) -> str | None:
        """What the browser keeps from now on; None for a link that is not good (any more)."""
        browser = self._new_secret()
        opened = self._desk.opened(link, browser, self._clock.now())
        if opened is None:
            return None
        self._desk = opened
        return browser

    def is_for(self, browser: str) -> bool:
        return self._desk.is_for(browser, self._clock.now())

    def form(self) -> AppForm:
        state = self._new_secret()
        self._desk = self._desk.waiting(state, self._clock.now())
        return self._forge.form(state)

    @property
    def may_repeat(self) -> bool:
        """Whether `go_on` has something to go on with."""
        return not self.stored.done() and (bool(self._code) or self._made is not None)

    async def answer(self, code: str, state: str) -> MadeApp:
        """What the forge sent back. Raises `RegistrationRefused`, and as `go_on` does."""
        async with self._turn:
            self._desk = self._desk.answered(state, self._clock.now())
            self._code, self._made = code, None
            return await self._go_on()

    async def go_on(self) -> MadeApp:
        """From where it failed. Raises `RegistrationRefused`, `ForgeError` and `SettingsError`."""
        async with self._turn:
            return await self._go_on()

    async def _go_on(self) -> MadeApp:
        if self.stored.done():
            return self.stored.result()
        if self._made is None:
            self._made = await self._exchanged()
        self._keep(self._made)
        self.stored.set_result(self._made)
        return self._made

    async def _exchanged(self) -> MadeApp:
        code, self._code = self._code, ""
        if not code:
            raise RegistrationRefused(NO_CODE)
        try:
            return await self._forge.exchange(code)
        except ForgeError as error:
            if is_worth_waiting(error):
                self._code = code
            raise
