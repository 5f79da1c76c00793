"""`ci-bot gitlab connect` and `ci-bot doctor` against a simulated GitLab, new and old."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ci_bot.settings import load
from tests.cli.conftest import NOWHERE, Answer, Ask
from tests.cli.test_doctor import found
from tests.forge_sim.gitlab import Config, GitLabClient, start

PROJECT = "acme/tools/app"
Said = Callable[..., Awaitable[Answer]]


@pytest.fixture
def said(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> Said:
    """The command in a thread, while the simulated GitLab answers in this one."""
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    monkeypatch.setenv("CI_BOT_PUBLIC_URL", "http://127.0.0.1:1")

    async def say(*args: object) -> Answer:
        return await asyncio.to_thread(ask, *args)

    return say


@asynccontextmanager
async def gitlab(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    version: str = "19.2.0",
    role: str = "maintain",
    **of_token: Any,
) -> AsyncIterator[GitLabClient]:
    """A project of a group within a group, a bot with that role there, and settings that name its token."""
    running = await start(Config(data=tmp_path / "gitlab", version=version))
    try:
        async with GitLabClient(running.url) as client:
            await client.user("alice")
            await client.organization("acme", {"alice": "maintain"})
            await client.repo(PROJECT, {"README.md": "x"})
            bot = await client.app("ci-bot", **of_token)
            await client.collaborator(PROJECT, bot["slug"], role)
            monkeypatch.setenv("CI_BOT_GITLAB__URL", client.url)
            monkeypatch.setenv("CI_BOT_GITLAB__TOKEN", bot["token"])
            yield client
    finally:
        await running.stop()


async def hooks(client: GitLabClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = await client.api(
        "GET", "/projects/acme%2Ftools%2Fapp/hooks", by="alice"
    )
    return listed


def stored() -> dict[str, str]:
    folder = Path(os.environ["CI_BOT_DATA_DIR"]) / "gitlab"
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


async def test_a_project_is_connected_once_and_signed(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with gitlab(monkeypatch, tmp_path) as client:
        first = await said("gitlab", "connect", PROJECT)
        assert (first.code, first.err) == (0, "")
        assert (
            f"✓ the webhook of the project {PROJECT} is registered: http://127.0.0.1:1/hooks/gitlab, signed"
            in first.out
        )
        assert "the bot's role there is 40, its access token " in first.out
        assert "next: (re)start ci-bot serve" in first.out
        again = await said("gitlab", "connect", PROJECT)
        assert "was there, and is up to date" in again.out
        assert "next:" not in again.out
        (hook,) = await hooks(client)
    assert (hook["url"], hook["signing_token_present"]) == ("http://127.0.0.1:1/hooks/gitlab", True)
    assert list(stored()) == ["signing-token"]
    file = Path(os.environ["CI_BOT_DATA_DIR"]) / "gitlab" / "signing-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    known = load().gitlab
    assert known is not None
    assert known.signing_tokens == (stored()["signing-token"].strip(),)


async def test_a_renewed_token_counts_beside_the_old_one(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with gitlab(monkeypatch, tmp_path):
        await said("gitlab", "connect", PROJECT)
        (old,) = stored()["signing-token"].split()
        answer = await said("gitlab", "connect", PROJECT, "--renew")
        assert "connect all other groups and projects again" in answer.out
        new, kept = stored()["signing-token"].split()
        assert (kept, new != old) == (old, True)
        monkeypatch.setenv("CI_BOT_GITLAB__SIGNING_TOKEN", old)
        refused = await said("gitlab", "connect", PROJECT, "--renew")
    assert (refused.code, "the settings themselves say" in refused.words) == (2, True)


async def test_an_older_gitlab_gets_a_plain_token(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with gitlab(monkeypatch, tmp_path, version="17.8.0") as client:
        answer = await said("gitlab", "connect", PROJECT)
        assert (answer.code, answer.err) == (0, "")
        assert ", with a plain token" in answer.out
        assert "does not sign webhooks (before 19.0)" in answer.out
        assert list(stored()) == ["webhook-token"]
        assert len(await hooks(client)) == 1
        assert "up to date" in (await said("gitlab", "connect", PROJECT)).out


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        (
            PROJECT,
            "write",
            "the bot may not register a webhook in acme/tools/app: its role there is 30",
        ),
        (
            "acme/other",
            "maintain",
            "there is no group or project acme/other, or the bot may not see it",
        ),
        (
            "acme",
            "maintain",
            "the bot may not register a webhook in the group acme: that takes an Owner",
        ),
    ],
)
async def test_what_the_bot_may_not_do_is_said_with_the_remedy(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, role: str, words: str
) -> None:
    async with gitlab(monkeypatch, tmp_path, role=role):
        answer = await said("gitlab", "connect", name)
    assert (answer.code, answer.words[: len(words) + 8]) == (2, f"ci-bot: {words}")


async def test_a_token_that_ends_soon_is_told_by_both(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    async with gitlab(monkeypatch, tmp_path, expires_at=soon):
        before = found(await said("doctor"))["gitlab"]
        assert before.startswith("✗ ")
        answer = await said("gitlab", "connect", PROJECT)
        assert (
            answer.code,
            f"it expires on {soon}, in 4 days; make a new one there" in answer.out,
        ) == (1, True)
        told = found(await said("doctor"))["gitlab"]
    assert f"it expires on {soon}, in 4 days; make a new one there" in told


async def test_doctor_says_that_all_is_well_and_what_lets_merges_past(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with gitlab(monkeypatch, tmp_path) as client:
        unheard = found(await said("doctor"))["gitlab"]
        assert (
            "nothing could tell GitLab's webhooks from a stranger's: `ci-bot gitlab connect" in unheard
        )
        await said("gitlab", "connect", PROJECT)
        told = found(await said("doctor", "--repo", PROJECT))
        assert "github" not in told
        assert told["gitlab"].startswith("✓ the access token ")
        assert told["gitlab"].endswith("webhooks are signed")
        assert "nothing requires ci-bot in acme/tools/app" in told["gate"]
        await client.protect(PROJECT, by="alice")
        told = found(await said("doctor", "--repo", PROJECT))
    assert (
        told["gate"]
        == "✓ acme/tools/app: pipelines must succeed before a merge, and ci-bot's are among them"
    )


async def test_doctor_says_whether_a_project_is_heard_at_all(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with gitlab(monkeypatch, tmp_path) as client:
        await client.protect(PROJECT, by="alice")
        await said("gitlab", "connect", PROJECT)
        (hook,) = await hooks(client)
        at = f"/projects/acme%2Ftools%2Fapp/hooks/{hook['id']}"
        await client.api("DELETE", at, by="alice")
        told = found(await said("doctor", "--repo", PROJECT))["gate"]
        assert told.startswith(f"✗ nothing that happens in {PROJECT} was ever heard of")
        url = "http://127.0.0.1:1/hooks/gitlab"
        body = {"url": url, "token": "0123456789abcdef"}
        await client.api("POST", "/projects/acme%2Ftools%2Fapp/hooks", body, by="alice")
        told = found(await said("doctor", "--repo", PROJECT))["gate"]
    assert told.startswith(f"✗ the webhook of {PROJECT} has no signing token")


async def test_a_token_that_may_too_little_is_told(
    said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with gitlab(monkeypatch, tmp_path, scopes=("read_api",)):
        answer = await said("gitlab", "connect", PROJECT)
    assert (answer.code, "has the scopes read_api, and ci-bot needs api" in answer.words) == (2, True)


def test_without_a_token_it_says_where_it_belongs(ask: Ask) -> None:
    answer = ask("gitlab", "connect", PROJECT)
    assert (answer.code, "its path under [gitlab] as token_file" in answer.words) == (2, True)
