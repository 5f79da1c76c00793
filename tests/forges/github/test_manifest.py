"""`app_manifest.yml`: valid for GitHub, and exactly what the code needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_bot.core.errors import ForgeError
from ci_bot.forges.github.examination import problems
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
from tests.forges.github.scene import Scene

MANIFEST: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "app_manifest.yml").read_text())

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
