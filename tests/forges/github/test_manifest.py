"""`app_manifest.yml`: valid for GitHub, and exactly what the code needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import ForgeBusy, ForgeError, RegistrationRefused
from ci_bot.forges.github import AppMaker, open_session
from ci_bot.forges.github.examination import problems, unaccepted, unused
from ci_bot.forges.github.manifest import form_url, hook_url, made_app, manifest
from ci_bot.forges.github.permissions import (
    CHECKS,
    CLONE,
    COMMENTS,
    NEEDED_EVENTS,
    NEEDED_PERMISSIONS,
    READ,
    STATUSES,
    Grant,
    covers,
)
from tests.forges.github.scene import Scene, ShiftedClock, Stub

ROOT = Path(__file__).parents[3]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "app_manifest.yml").read_text())

#: https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#github-app-manifest-parameters
FIELDS = {
    "name",
    "url",
    "hook_attributes",
    "redirect_url",
    "callback_urls",
    "setup_url",
    "description",
    "public",
    "default_events",
    "default_permissions",
    "request_oauth_on_install",
    "setup_on_update",
}


def test_the_manifest_has_only_fields_that_github_knows() -> None:
    assert MANIFEST.keys() <= FIELDS
    assert MANIFEST["hook_attributes"].keys() == {"url", "active"}
    assert MANIFEST["hook_attributes"]["url"].endswith("/hooks/github")
    assert MANIFEST["public"] is False


def test_the_manifest_asks_for_what_the_code_needs_and_nothing_else() -> None:
    assert MANIFEST["default_permissions"] == dict(NEEDED_PERMISSIONS)
    assert MANIFEST["default_events"] == list(NEEDED_EVENTS)


@pytest.mark.parametrize("grant", [READ, CLONE, CHECKS, STATUSES, COMMENTS])
def test_every_token_is_within_the_manifest(grant: Grant) -> None:
    held = MANIFEST["default_permissions"]
    assert [name for name, level in grant if not covers(held, name, level)] == []


def test_the_app_never_asks_to_write_contents() -> None:
    assert MANIFEST["default_permissions"]["contents"] == "read"


def test_what_the_app_lacks_is_named_with_the_remedy() -> None:
    app = {
        "slug": "ci-bot",
        "permissions": {**NEEDED_PERMISSIONS, "checks": "read", "statuses": "admin"},
        "events": [event for event in NEEDED_EVENTS if event != "merge_group"],
    }
    where = "in the settings of the App ci-bot, Permissions & events"
    assert problems(app) == (
        f"the App lacks the permission checks: write; grant it {where}",
        f"the App is not subscribed to merge_group; subscribe it {where}",
    )


@pytest.mark.parametrize("answer", [None, [], {}, {"slug": 1, "permissions": {}}, {"slug": "x"}])
def test_an_answer_that_describes_no_app_is_an_error(answer: Any) -> None:
    with pytest.raises(ForgeError):
        problems(answer)


async def test_an_app_made_from_the_manifest_has_nothing_wrong(scene: Scene) -> None:
    made = await scene.client.control("POST", "/manifests", {**MANIFEST, "name": "ours"})
    app = await scene.client.api("POST", f"/app-manifests/{made['code']}/conversions")
    ours = scene.other(app_id=app["id"], private_key=app["pem"])
    assert await ours.examine() == ()


async def test_the_simulated_app_is_told_what_it_lacks(scene: Scene) -> None:
    app = await scene.client.app("lean", permissions={"checks": "read"}, events=("push",))
    lean = scene.other(app_id=app["id"], private_key=app["private_key"])
    found = await lean.examine()
    lacking = len(NEEDED_PERMISSIONS) - 1  # every App has metadata
    assert len(found) == lacking + len(NEEDED_EVENTS) - 1
    assert "checks: write" in found[0]


# ── the form, and what comes of it ───────────────────────────────────────────────────────────


def test_every_address_of_the_form_is_ours() -> None:
    fields = manifest("https://ci.acme.example", "ci-bot-acme")
    assert fields["name"] == "ci-bot-acme"
    assert fields.keys() == MANIFEST.keys()
    assert "EXAMPLE.COM" not in str(fields)
    for url in (
        fields["url"],
        fields["redirect_url"],
        fields["setup_url"],
        hook_url("https://ci.acme.example"),
    ):
        assert url.startswith("https://ci.acme.example")


def test_the_form_goes_to_the_organisation_or_to_whoever_is_signed_in() -> None:
    assert (
        form_url("https://f", "acme", "a b")
        == "https://f/organizations/acme/settings/apps/new?state=a%20b"
    )
    assert form_url("https://f", "", "s") == "https://f/settings/apps/new?state=s"


APP = {"id": 7, "slug": "ours", "html_url": "https://f/apps/ours", "pem": "k", "webhook_secret": "s"}


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("https://f/github-apps/ours", "https://f/github-apps/ours"),
        ("https://evil.example/apps/ours", "https://f/apps/ours"),
        ("https://f.evil.example/apps/ours", "https://f/apps/ours"),
        ("javascript:alert(1)", "https://f/apps/ours"),
    ],
)
def test_the_apps_page_is_on_the_forge(told: str, url: str) -> None:
    assert made_app({**APP, "html_url": told}, "https://f").url == url


@pytest.mark.parametrize(
    "answer", [None, [], {}, {**APP, "pem": None}, {**APP, "id": "7"}, {**APP, "id": 0}]
)
def test_an_answer_without_a_key_is_an_error(answer: Any) -> None:
    with pytest.raises(ForgeError):
        made_app(answer, "https://f")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from([*APP]), inner)
    ),
    max_leaves=10,
)


@given(st.one_of(JSON, st.fixed_dictionaries(dict.fromkeys(APP, JSON))))
def test_any_answer_is_an_app_on_the_forge_or_an_error(answer: Any) -> None:
    try:
        app = made_app(answer, "https://f")
    except ForgeError:
        return
    assert app.id > 0
    assert app.url.startswith("https://f/")
    assert app.url.isprintable()


async def test_a_code_is_exchanged_once(scene: Scene) -> None:
    made = await scene.client.control("POST", "/manifests", {**MANIFEST, "name": "once"})
    maker = maker_at(scene.forge.url, scene.forge.api_url, scene)
    app = await maker.exchange(made["code"])
    assert (app.slug, app.url) == ("once", f"{scene.forge.url}/apps/once")
    assert await scene.other(app_id=app.id, private_key=app.private_key).examine() == ()
    with pytest.raises(RegistrationRefused, match="good once, and for an hour"):
        await maker.exchange(made["code"])


@pytest.mark.parametrize("code", ["", "a/b", "a" * 256, "é", "a b"])
async def test_what_is_no_code_is_not_sent(code: str) -> None:
    async with Stub.running() as stub, open_session() as session:
        with pytest.raises(RegistrationRefused):
            await maker_at(stub.url, stub.url, session=session).exchange(code)
        assert stub.asked == []


async def test_a_busy_forge_is_told_apart_from_a_code_that_is_gone() -> None:
    async with Stub.running() as stub, open_session() as session:
        stub.answers.append(web.json_response({}, status=429, headers={"Retry-After": "9"}))
        with pytest.raises(ForgeBusy):
            await maker_at(stub.url, stub.url, session=session).exchange("c0de")


def maker_at(
    web_url: str,
    api_url: str,
    scene: Scene | None = None,
    session: aiohttp.ClientSession | None = None,
) -> AppMaker:
    used = session or (scene.session if scene else None)
    assert used is not None
    return AppMaker(
        public_url="https://ci.example",
        web_url=web_url,
        api_url=api_url,
        org="acme",
        name="ours",
        session=used,
        clock=ShiftedClock(),
    )


# ── the App and this server ──────────────────────────────────────────────────────────────────


async def test_the_webhook_moves_with_the_server(scene: Scene) -> None:
    app = await scene.client.app("mover", webhook_url="https://old.example/hooks/github")
    mover = scene.other(app_id=app["id"], private_key=app["private_key"])
    found = await mover.sync("https://new.example")
    assert (found.slug, found.hook_url) == ("mover", "https://new.example/hooks/github")
    assert found.moved_from == "https://old.example/hooks/github"
    assert (found.problems, found.notes) == ((), ())
    assert scene.forge.sim.world.apps[app["id"]].webhook_url == "https://new.example/hooks/github"
    assert (await mover.sync("https://new.example")).moved_from is None


async def test_an_owner_is_told_what_to_accept(scene: Scene) -> None:
    held = {**NEEDED_PERMISSIONS, "checks": "read"}
    app = await scene.client.app("grown", permissions=held)
    await scene.client.install(app["id"], "acme")
    scene.forge.sim.world.apps[app["id"]].permissions["checks"] = "write"  # changed in its settings
    grown = scene.other(app_id=app["id"], private_key=app["private_key"])
    (problem,) = (await grown.sync("https://new.example")).problems
    assert problem.startswith("acme has not accepted checks: write: an owner does so at http")


def test_what_the_app_holds_and_never_uses_is_told() -> None:
    app = {"permissions": {**NEEDED_PERMISSIONS, "contents": "write", "members": "read"}}
    assert unused(app) == (
        "the App holds contents: write, and ci-bot needs read of it",
        "the App holds members: read, and ci-bot needs nothing of it",
    )
    assert unused({"permissions": dict(NEEDED_PERMISSIONS)}) == ()


@pytest.mark.parametrize(
    "installation", [None, {}, {"permissions": {}, "account": None, "html_url": "x"}]
)
def test_an_answer_that_describes_no_installation_is_an_error(installation: Any) -> None:
    with pytest.raises(ForgeError):
        unaccepted({"permissions": dict(NEEDED_PERMISSIONS)}, [installation])
