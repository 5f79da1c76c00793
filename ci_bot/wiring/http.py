"""The parts of a server that answer HTTP, put together."""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import web

from ci_bot.core.page.access import PageRules
from ci_bot.flow.receive import Receiver
from ci_bot.flow.steering import Steering
from ci_bot.flow.stocks import Stocks
from ci_bot.secrets.keys import Keyring
from ci_bot.store import (
    InboxStore,
    RunListStore,
    RunStore,
    StockStore,
    TokenStore,
)
from ci_bot.web.api.app import make_api
from ci_bot.web.api.parts import Guesses, Parts
from ci_bot.web.app import make_app
from ci_bot.web.health import Check
from ci_bot.web.site import Site
from ci_bot.wiring.files import look_at_disk
from ci_bot.wiring.kept import file_stores, retention
from ci_bot.wiring.opened import Opened

NEEDED_DISK: Final = 64 * 1024**2  # below that not even an event may be stored


def app(opened: Opened, runs: RunStore) -> web.Application:
    inbox = InboxStore(opened.database, opened.clock)
    receiver = Receiver(
        opened.forges.webhooks,
        inbox,
        opened.bells.arrived,
        opened.meters,
        opened.settings.command_prefix,
    )
    checks: dict[str, Check] = {
        "database": opened.database.ping,
        "disk": partial(look_at_disk, opened.settings, NEEDED_DISK),
        "room": opened.room.check,
        "engine": opened.executor.check,
    }
    settings = opened.settings

    def public_key() -> str:
        return Keyring.read(settings.keys / "sealing.key").public.to_text()

    return make_app(
        receiver,
        _site(opened, runs),
        opened.meters,
        checks,
        public_key,
        Stocks(StockStore(opened.database, opened.clock), opened.clock, opened.meters).refresh,
        _api(opened, runs, inbox),
    )


def _site(opened: Opened, runs: RunStore) -> Site:
    settings = opened.settings
    stores = file_stores(settings, opened.database, opened.clock)
    return Site(
        runs,
        RunListStore(opened.database),
        opened.logs,
        opened.links,
        opened.vault,
        opened.clock,
        stores.records,
        stores.artifacts,
        PageRules(settings.open_pages, settings.links_expire),
        opened.forges.page_of,
        retention(settings),
    )


def _api(opened: Opened, runs: RunStore, inbox: InboxStore) -> web.Application:
    stores = file_stores(opened.settings, opened.database, opened.clock)
    parts = Parts(
        tokens=TokenStore(opened.database, opened.clock),
        runs=runs,
        listing=RunListStore(opened.database),
        logs=opened.logs,
        vault=opened.vault,
        steering=Steering(inbox, opened.ids, opened.bells.arrived),
        clock=opened.clock,
        on_token=opened.known.add,
        guesses=Guesses(opened.clock),
        records=stores.records,
        artifacts=stores.artifacts,
    )
    return make_api(parts)
