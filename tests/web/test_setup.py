"""The set-up in a browser's place: one visitor, every failure in words, repeated where that can help."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from secrets import token_urlsafe

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from ci_bot.core.errors import ForgeBusy, ForgeError, RegistrationRefused, SettingsError
from ci_bot.core.registration import LINK_UNKNOWN, MadeApp
from ci_bot.flow.registration import Registration
from ci_bot.ports import AppForm
from ci_bot.web.setup import Setup, link_path, make_setup_app
from tests.fakes import FakeClock
from tests.web.conftest import Site

MADE = MadeApp(7, "ci-bot-acme", "https://forge.example/apps/ci-bot-acme", "the key", "the secret")


@dataclass
class FakeAppMaking:
    """Gives `MADE` for any code, once; fails first with what a test puts into `failures`."""

    failures: list[Exception] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def form(self, state: str) -> AppForm:
        self.states.append(state)
        return AppForm(f"https://forge.example/settings/apps/new?state={state}", '{"name": "<b>&\\""}')

    async def exchange(self, code: str) -> MadeApp:
        self.codes.append(code)
        if self.failures:
            raise self.failures.pop(0)
        return MADE


class Seen(HTMLParser):
    """The forms and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action, self.fields, self.links = "", dict[str, str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        if tag == "input":
            self.fields[given["name"]] = given["value"]
        if tag == "a":
            self.links.append(given["href"])


@dataclass
class Visit:
    """A browser in front of the set-up."""

    forge: FakeAppMaking
    clock: FakeClock
    kept: list[MadeApp]
    refusals: list[SettingsError]
    registration: Registration
    client: TestClient  # type: ignore[type-arg]

    async def get(self, path: str) -> tuple[int, str]:
        async with self.client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'sha256-")
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            return answer.status, await answer.text()

    async def open(self) -> tuple[int, str]:
        return await self.get(link_path(self.registration.link))

    async def come_back(self, state: str | None = None, code: str = "c0de") -> tuple[int, str]:
        state = self.forge.states[-1] if state is None else state
        return await self.get(f"/setup/github/made?code={code}&state={state}")

    async def again(self) -> tuple[int, str]:
        async with self.client.post("/setup/github/again") as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    forge, clock = FakeAppMaking(), FakeClock()
    kept, refusals = list[MadeApp](), list[SettingsError]()

    def keep(made: MadeApp) -> None:
        if refusals:
            raise refusals.pop(0)
        kept.append(made)

    registration = Registration(forge, keep, clock, partial(token_urlsafe, 32))
    setup = Setup(
        "acme", "ci-bot-acme", "https://forge.example", "https://ci.example/hooks/github", False
    )
    server = TestServer(make_setup_app(registration, setup))
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield Visit(forge, clock, kept, refusals, registration, client)


async def test_the_page_shows_what_is_asked_and_posts_it_to_the_forge(visit: Visit) -> None:
    status, text = await visit.open()
    assert status == 200
    seen = Seen(text)
    assert seen.action == f"https://forge.example/settings/apps/new?state={visit.forge.states[0]}"
    assert seen.fields == {"manifest": '{"name": "<b>&\\""}'}
    assert len(visit.forge.states[0]) >= 43
    for words in ("acme", "https://ci.example/hooks/github", "Continue to GitHub"):
        assert words in text


async def test_the_app_is_stored_and_the_page_leads_to_its_installation(visit: Visit) -> None:
    await visit.open()
    status, text = await visit.come_back()
    assert status == 200
    assert visit.kept == [MADE]
    assert visit.registration.stored.result() == MADE
    assert Seen(text).links == [MADE.install_url]
    assert "the key" not in text
    assert "the secret" not in text
    assert await visit.come_back() == (status, text), "loading it again changes nothing"
    assert visit.forge.codes == ["c0de"]
    assert (await visit.get("/setup/github"))[1] == text


async def test_nobody_else_gets_in(visit: Visit) -> None:
    for path in ("/setup/github", "/setup/github/made?code=c&state=s", link_path("x" * 43)):
        status, text = await visit.get(path)
        assert (status, LINK_UNKNOWN in text.replace("&#39;", "'")) == (404, True)
    assert (await visit.again())[0] == 404
    await visit.open()
    visit.client.session.cookie_jar.clear()
    assert (await visit.open())[0] == 404, "the link opens once"
    assert (await visit.come_back())[0] == 404, "the state alone does not help"
    assert visit.forge.codes == []


async def test_looking_at_the_link_without_opening_it_does_not_use_it_up(visit: Visit) -> None:
    async with visit.client.head(link_path(visit.registration.link)) as answer:
        assert answer.status == 405
    assert (await visit.open())[0] == 200


async def test_the_cookie_is_the_browsers_alone(visit: Visit) -> None:
    link = link_path(visit.registration.link)
    async with visit.client.get(link, allow_redirects=False) as answer:
        (cookie,) = answer.headers.getall("Set-Cookie")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/setup"):
        assert part in cookie


@pytest.mark.parametrize("state", ["", "wrong", "%00"])
async def test_a_wrong_state_is_told_and_one_may_begin_again(visit: Visit, state: str) -> None:
    await visit.open()
    status, text = await visit.come_back(state)
    assert status == 400
    assert "belongs to no page" in text
    assert Seen(text).links == ["/setup/github"]
    assert visit.forge.codes == []
    await visit.get("/setup/github")
    assert (await visit.come_back())[0] == 200


async def test_a_state_is_good_once_even_where_the_code_is_not(visit: Visit) -> None:
    visit.forge.failures.append(RegistrationRefused("GitHub does not know this code"))
    await visit.open()
    status, text = await visit.come_back()
    assert (status, "does not know this code" in text) == (400, True)
    assert (await visit.come_back())[0] == 400
    assert visit.forge.codes == ["c0de"]
    assert (await visit.again())[0] == 400, "there is nothing to go on with"


async def test_a_page_that_was_left_open_too_long_is_told(visit: Visit) -> None:
    await visit.open()
    visit.clock.time += 3599
    assert (await visit.get("/setup/github"))[0] == 200
    visit.clock.time += 1
    assert (await visit.come_back())[0] == 404


@pytest.mark.parametrize(
    "failure",
    [ForgeError("GitHub cannot be reached"), ForgeBusy("slow down", 60), ForgeError("no", 502)],
)
async def test_what_fails_for_the_forges_sake_may_be_repeated(visit: Visit, failure: Exception) -> None:
    visit.forge.failures += [failure, failure]
    await visit.open()
    status, text = await visit.come_back()
    assert (status, str(failure) in text) == (502, True)
    assert Seen(text).action == "/setup/github/again"
    assert (await visit.again())[0] == 502
    assert "Try again" in (await visit.get("/setup/github"))[1]
    assert (await visit.again())[0] == 200
    assert (visit.kept, visit.forge.codes) == ([MADE], ["c0de"] * 3)


async def test_an_app_that_could_not_be_stored_is_kept_until_it_is(visit: Visit) -> None:
    visit.refusals.append(SettingsError(["the disk is full"]))
    await visit.open()
    status, text = await visit.come_back()
    assert (status, "the disk is full" in text) == (502, True)
    assert not visit.registration.stored.done()
    assert (await visit.again())[0] == 200
    assert (visit.kept, visit.forge.codes) == ([MADE], ["c0de"])


async def test_after_an_installation_the_server_says_what_is_next(site: Site, visit: Visit) -> None:
    status, text = await site.get(
        "/setup/github/installed?installation_id=<script>&setup_action=install"
    )
    assert status == 200
    assert "script" not in text
    assert "ci-bot init" in text
    assert (await visit.get("/setup/github/installed"))[0] == 200
