"""Monday morning: an organisation's owner makes the App in the browser, starts the server, installs, pushes."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from ci_bot.settings import Settings
from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import Bot, Process, free_port
from tests.scenarios.world import PASSING


class Forms(HTMLParser):
    """The forms of a page, each with its address, method, fields and the words on its button."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._in_button = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"], given.get("method", "get")))
        elif tag == "input" and self.forms:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "a":
            self.links.append(given.get("href", ""))
        self._in_button = tag == "button"

    def handle_data(self, data: str) -> None:
        if self._in_button and self.forms:
            self.forms[-1].button += data


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    button: str = ""


@dataclass
class Browser:
    """Goes to addresses, presses buttons, follows where it is led; signed in to the forge as `who`."""

    session: aiohttp.ClientSession
    who: str
    at: URL = field(default_factory=URL)
    text: str = ""

    async def go(self, url: str) -> int:
        async with self.session.get(url) as answer:
            return await self._see(answer)

    async def press(self, words: str, **fields: str) -> int:
        """The one button that says so, or of several the one whose form has these fields."""
        found = [each for each in Forms(self.text).forms if each.button.strip() == words]
        (form,) = [each for each in found if fields.items() <= each.fields.items()]
        assert form.method == "post"
        sent = form.fields if form.action.startswith("/setup") else {**form.fields, "as": self.who}
        headers = {"Origin": str(self.at.origin())}
        async with self.session.post(
            self.at.join(URL(form.action)), data=sent, headers=headers
        ) as answer:
            return await self._see(answer)

    def link(self, words: str) -> str:
        (found,) = [link for link in Forms(self.text).links if words in link]
        return found

    async def _see(self, answer: aiohttp.ClientResponse) -> int:
        self.at, self.text = answer.url, await answer.text()
        return answer.status


@pytest.fixture
async def forge(forge_url: str, images: None) -> AsyncIterator[ForgeClient]:
    async with ForgeClient(forge_url) as client:
        seen = len(await client.violations())
        yield client
        await client.clear_faults()
        assert (await client.violations())[seen:] == []


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)  # as browsers do, for an address instead of a name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(session, "olga")


@dataclass
class Machine:
    """Where the operator types; settings are in the environment, and no App is among them."""

    home: Path
    port: int
    forge: ForgeClient
    org: str

    @property
    def repo(self) -> str:
        return f"{self.org}/shop"

    @property
    def env(self) -> dict[str, str]:
        config = self.home / "ci-bot.toml"
        config.touch()
        return {
            "CI_BOT_CONFIG": str(config),
            "CI_BOT_DATA_DIR": str(self.home / "data"),
            "CI_BOT_PORT": str(self.port),
            "CI_BOT_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "CI_BOT_DEFAULT_IMAGE": "ci-bot/busybox:1",
            "PYTHONWARNINGS": "default",
            "PYTHONUNBUFFERED": "1",
        }

    def process(self, name: str, *args: str, **env: str) -> Process:
        command = [sys.executable, "-m", "ci_bot", *args]
        return Process(command, self.home / f"{name}.log", self.env | env, shared())

    def create(self) -> Process:
        return self.process("create", "app", "create", "--org", self.org, "--web-url", self.forge.url)

    def server(self) -> Bot:
        return Bot(self.home, self.port, self.process("serve", "serve"))

    def run(self, *args: str, **env: str) -> tuple[int, str]:
        process = self.process("-".join(args), *args, **env)
        process.log.unlink(missing_ok=True)
        process.start()
        assert process.child is not None
        return process.child.wait(60), process.tail()


@pytest.fixture
async def machine(forge: ForgeClient, tmp_path: Path, request: pytest.FixtureRequest) -> Machine:
    """An organisation of its own: an App's name is unique on its forge."""
    org = f"monday-{abs(hash(request.node.name)) % 99999}"
    await forge.user("olga")
    await forge.user("mallory")
    await forge.organization(org, {"olga": "admin"})
    return Machine(tmp_path, free_port(), forge, org)


async def link_of(process: Process) -> str:
    for _ in range(600):
        found = re.search(r"^  (http\S+/setup/github/link/\S+)$", process.tail(), re.MULTILINE)
        if found:
            return found[1]
        process.check()
        await asyncio.sleep(0.05)
    raise TimeoutError(process.tail())


async def test_from_nothing_to_a_check(machine: Machine, forge: ForgeClient, browser: Browser) -> None:
    await forge.repo(machine.repo, {".ci.yaml": PASSING}, private=True)
    code, said = machine.run("serve")
    assert (code, "ci-bot app create --org NAME" in said) == (2, True)

    creating = machine.create()
    creating.start()
    try:
        link = await link_of(creating)
        assert await browser.go(link) == 200
        assert await browser.press("Continue to GitHub") == 200
        assert browser.at.origin() == URL(forge.url).origin()
        assert f"Create a GitHub App for {machine.org}" in browser.text
        for words in (f"ci-bot-{machine.org}", "checks: write", "contents: read", "merge_group"):
            assert words in browser.text
        assert await browser.press("Create GitHub App") == 200
        assert browser.at.path == "/setup/github/made"
        assert "The App is made" in browser.text
        assert creating.child is not None
        assert creating.child.wait(20) == 0, creating.tail()
    finally:
        creating.kill()
    install_page = browser.link("/installations/new")
    said = creating.tail()
    assert f"the App ci-bot-{machine.org} (number " in said
    assert f"install the App: {install_page}" in said
    stored = Settings.model_construct(data_dir=machine.home / "data").stored_app
    for secret in ("private-key.pem", "webhook-secret"):
        text = (stored / secret).read_text()
        assert text
        assert text.strip() not in said + browser.text

    bot = machine.server()
    bot.start()
    try:
        assert await browser.go(install_page) == 200
        assert await browser.press("Install", account=machine.org) == 200
        assert str(browser.at).startswith(f"{bot.url}/setup/github/installed?installation_id=")
        assert "ci-bot init" in browser.text
        sha = await forge.push(machine.repo, "feature", {"a": "1"}, by="olga")
        check = await forge.wait_check(machine.repo, sha, "ci-bot")
        assert check["conclusion"] == "success"
        assert check["app"]["slug"] == f"ci-bot-{machine.org}"
    finally:
        bot.process.stop()

    code, said = machine.run("app", "sync", CI_BOT_PUBLIC_URL="http://127.0.0.1:9")
    assert code == 0, said
    assert (
        f"moved from http://127.0.0.1:{machine.port}/hooks/github to http://127.0.0.1:9/hooks/" in said
    )
    code, said = machine.run("app", "sync", CI_BOT_PUBLIC_URL="http://127.0.0.1:9")
    assert (code, f"✓ the webhook of ci-bot-{machine.org} goes to http://127.0.0.1:9" in said) == (
        0,
        True,
    )


async def test_an_outage_between_the_app_and_its_key_is_waited_out(
    machine: Machine, forge: ForgeClient, browser: Browser
) -> None:
    creating = machine.create()
    creating.start()
    try:
        await browser.go(await link_of(creating))
        await browser.press("Continue to GitHub")
        await forge.fault("status", "conversions", status=502, times=2)
        assert await browser.press("Create GitHub App") == 502
        assert "GitHub answered 502" in browser.text
        assert await browser.press("Try again") == 502
        assert await browser.press("Try again") == 200
        assert "The App is made" in browser.text
        assert creating.child is not None
        assert creating.child.wait(20) == 0
    finally:
        creating.kill()
    _code, said = machine.run("doctor")
    assert "the App may do what it needs" in said


async def test_strangers_make_no_app(machine: Machine, forge: ForgeClient, browser: Browser) -> None:
    creating = machine.create()
    creating.start()
    try:
        link = await link_of(creating)
        assert await browser.go(link[:-1] + ("a" if link[-1] != "a" else "b")) == 404
        assert await browser.go(link) == 200
        browser.who = "mallory"  # whom the organisation does not belong to
        assert await browser.press("Continue to GitHub") == 404
        async with aiohttp.ClientSession() as session, session.get(link) as answer:
            assert answer.status == 404, "the link was used"
        assert (
            await browser.go(f"http://127.0.0.1:{machine.port}/setup/github/made?code=c&state=s") == 400
        )
        assert "belongs to no page" in browser.text
    finally:
        creating.kill()
    assert not (machine.home / "data" / "github-app").exists()
