"""The API on a real socket over the real store, logs and inbox; every answer is held to its description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from ci_bot.archive.logs import FileLogs
from ci_bot.archive.packs import FilePacks
from ci_bot.core.decisions import Decision, NewRun, SeeRepo
from ci_bot.core.model import LogRef
from ci_bot.core.states import Change
from ci_bot.core.tokens import TokenScope, digest, text_of
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.flow.receive import Receiver
from ci_bot.flow.steering import Steering
from ci_bot.links import Links
from ci_bot.system import SystemIds
from ci_bot.web.api import BASE
from ci_bot.web.api.app import make_api
from ci_bot.web.api.parts import Guesses, Parts
from ci_bot.web.app import make_app
from ci_bot.web.site import Site
from tests.fakes import FakeVault, FakeWebhook
from tests.make import REPO, new_run, token
from tests.stores import Store, open_store
from tests.web.api.description import complaints

OTHER = replace(REPO, id=8, name="acme/other")
WRITER, READER, STRANGER = (text_of(bytes([number]) * 32) for number in (1, 2, 3))


@dataclass
class Said:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    json: Any = None

    @property
    def words(self) -> str:
        return f"{self.json['detail']}; {self.json['remedy']}".rstrip("; ")


@dataclass
class Api:
    """WRITER and READER see the shop, STRANGER another repository."""

    store: Store
    logs: FileLogs
    packs: FilePacks
    vault: FakeVault = field(default_factory=FakeVault)
    used: list[bytes] = field(default_factory=list)

    async def open(self) -> None:
        store = self.store
        self.parts = Parts(
            tokens=store.tokens,
            runs=store.runs,
            listing=store.listing,
            logs=self.logs,
            vault=self.vault,
            steering=Steering(store.inbox, SystemIds(), Bell()),
            clock=store.clock,
            on_token=self.used.append,
            guesses=Guesses(store.clock),
            records=store.artifacts,
            artifacts=self.packs,
        )
        webhook, meters = FakeWebhook(), Meters()
        receiver = Receiver({"github": webhook}, store.inbox, Bell(), meters)
        links = Links("", b"k" * 32)
        site = Site(
            store.runs,
            store.listing,
            self.logs,
            links,
            self.vault,
            store.clock,
            store.artifacts,
            self.packs,
        )
        app = make_app(receiver, site, meters, {}, lambda: "", api=make_api(self.parts))
        self.server = TestServer(app)
        await self.server.start_server(auto_decompress=False)
        self.client = TestClient(self.server)
        seen = Decision("seen", repos=(SeeRepo(REPO), SeeRepo(OTHER)))
        await store.decisions.commit(seen, None)
        for number, (text, more) in enumerate(
            (
                (WRITER, {"name": "writer"}),
                (READER, {"name": "reader", "scope": TokenScope.READ}),
                (STRANGER, {"name": "stranger", "repos": (OTHER.key,)}),
            )
        ):
            made = token(text, id=f"t{number}", **more)  # type: ignore[arg-type]
            assert await store.tokens.create(made, []) == ""

    async def ask(
        self, path: str, by: str = READER, method: str = "GET", body: object = None, **headers: str
    ) -> Said:
        """`path` from `/api/v1` on; the answer is checked against the description."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = ({"Authorization": f"Bearer {by}"} if by else {}) | sent
        how = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        async with self.client.request(method, BASE + path, headers=sent, **how) as answer:
            return await self._said(method, path, answer)

    async def post(self, path: str, body: object = None, by: str = WRITER, **headers: str) -> Said:
        return await self.ask(path, by, "POST", body, **headers)

    async def _said(self, method: str, path: str, answer: ClientResponse) -> Said:
        body, headers = await answer.read(), dict(answer.headers)
        wrong = complaints(method, BASE + path.partition("?")[0], answer.status, headers, body)
        assert wrong == []
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in headers["Cache-Control"]
        is_json = "json" in headers["Content-Type"]
        return Said(
            answer.status, headers, body, await answer.json(content_type=None) if is_json else None
        )

    async def a_run(self, *output: bytes, change: Change = Change.FAIL, **more: Any) -> str:
        """A run whose one claimed job has ended so; its steps wrote this."""
        run_id = await self.begin(**more)
        await self.end(*output, change=change)
        return run_id

    async def begin(self, **more: Any) -> str:
        new: NewRun = new_run(**more)
        made = Decision("made by a test", create=(new,), repos=(SeeRepo(new.repo),))
        (run_id,) = await self.store.decisions.commit(made, None)
        return run_id

    async def end(self, *output: bytes, change: Change = Change.FAIL) -> None:
        claim = await self.store.runs.claim("one/p1", 30)
        assert claim is not None
        for index, data in enumerate(output):
            await self.store.runs.start_step(claim.lease, index)
            writer = self.logs.open(LogRef(claim.job.id, index), ())
            writer.write(data)
            code = 0 if change is Change.SUCCEED else 3
            await self.store.runs.end_step(claim.lease, index, change, "why", code, writer.close())
        await self.store.runs.end_job(claim.lease, change, "it ended")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}") as store:
        made = Api(store, FileLogs(tmp_path / "logs"), FilePacks(tmp_path / "artifacts"))
        await made.open()
        try:
            yield made
        finally:
            await made.client.close()


__all__ = ["OTHER", "READER", "STRANGER", "WRITER", "Api", "Said", "api", "digest"]
