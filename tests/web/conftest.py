"""The whole HTTP surface on a real socket, over the real store and real logs; the forge is a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from ci_bot.archive.logs import FileLogs
from ci_bot.archive.packs import FilePacks
from ci_bot.core.page.access import PageRules
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.flow.receive import Receiver
from ci_bot.links import Links
from ci_bot.store import RunListStore
from ci_bot.web.app import make_app
from ci_bot.web.health import Check
from ci_bot.web.site import Site as Pages
from tests.fakes import FakeVault, FakeWebhook
from tests.stores import Store, open_store


@dataclass
class Site:
    store: Store
    logs: FileLogs
    webhook: FakeWebhook = field(default_factory=FakeWebhook)
    links: Links = field(default_factory=lambda: Links("", b"k" * 32))
    checks: dict[str, Check] = field(default_factory=dict)
    meters: Meters = field(default_factory=Meters)
    vault: FakeVault = field(default_factory=FakeVault)
    packs: FilePacks = field(default_factory=lambda: FilePacks(Path("/nonexistent")))
    rules: PageRules = field(default_factory=PageRules)

    async def open(self) -> None:
        receiver = Receiver({"github": self.webhook}, self.store.inbox, Bell(), self.meters)
        self.pages = Pages(
            self.store.runs,
            RunListStore(self.store.database),
            self.logs,
            self.links,
            self.vault,
            self.store.clock,
            self.store.artifacts,
            self.packs,
            self.rules,
            lambda run: f"https://forge.example/{run.repo.name}/commit/{run.sha}",
        )
        app = make_app(receiver, self.pages, self.meters, self.checks, lambda: "the public key")
        self.server = TestServer(app)
        await self.server.start_server(auto_decompress=False)  # as `ci-bot serve` does
        self.client = TestClient(self.server)

    async def get(self, path: str) -> tuple[int, str]:
        async with self.client.get(path) as answer:
            return answer.status, await answer.text()

    async def post(self, body: object, path: str = "/hooks/github", **headers: str) -> tuple[int, str]:
        """Signed, unless a header says otherwise."""
        signed = {"X-Signature": "good", "X-Delivery": "d1"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        sent = {name: value for name, value in signed.items() if value}
        async with self.client.post(path, data=body, headers=sent) as answer:
            return answer.status, await answer.text()

    async def headers(self, path: str) -> ClientResponse:
        async with self.client.get(path) as answer:
            return answer


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}") as store:
        made = Site(store, FileLogs(tmp_path / "logs"), packs=FilePacks(tmp_path / "artifacts"))
        await made.open()
        try:
            yield made
        finally:
            await made.client.close()
