"""`ci-bot token`: made once, listed without its text, revoked at once, all of it on record."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from ci_bot.core.decisions import Decision, SeeRepo
from ci_bot.core.tokens import digest, is_token
from tests.cli.conftest import Ask
from tests.make import REPO
from tests.stores import open_store

MINE = ["--name", "alice", "--repo", REPO.name]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, here: Path) -> Path:
    """What a server leaves that has seen the shop."""

    async def make() -> None:
        async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'ci-bot.db'}") as store:
            await store.decisions.commit(Decision("seen", repos=(SeeRepo(REPO),)), None)

    (tmp_path / "data").mkdir()
    asyncio.run(make())
    return tmp_path / "data"


def test_a_token_is_printed_once_and_its_hash_alone_is_kept(ask: Ask, data: Path) -> None:
    answer = ask("token", "create", *MINE, "--scope", "write")
    text = answer.out.strip()
    assert (answer.code, is_token(text)) == (0, True)
    assert answer.err.splitlines()[0].startswith("token alice: write for acme/shop, until ")
    kept = b"".join(file.read_bytes() for file in data.glob("ci-bot.db*"))
    assert text.encode() not in kept
    assert digest(text).encode() in kept
    assert text not in ask("token", "list").out + ask("audit").out


def test_by_default_it_may_read_for_90_days(ask: Ask) -> None:
    ask("token", "create", *MINE)
    (listed,) = json.loads(ask("token", "list", "--json").out)
    assert (listed["name"], listed["scope"], listed["repositories"]) == ("alice", "read", ["acme/shop"])
    assert listed["used_at"] is None
    assert listed["expires_at"] > listed["created_at"]


def test_a_list_for_people(ask: Ask) -> None:
    assert "there are no tokens" in ask("token", "list").err
    ask("token", "create", *MINE, "--expires", "never")
    assert ask("token", "list").out.startswith(
        "alice  read  acme/shop  never expires  never used  made "
    )


def test_a_revoked_token_is_gone_and_its_name_is_free(ask: Ask) -> None:
    ask("token", "create", *MINE)
    again = ask("token", "create", *MINE)
    assert (again.code, again.words) == (
        2,
        "ci-bot: there is a token alice already; revoke it first: ci-bot token revoke alice",
    )
    assert ask("token", "revoke", "alice").out == "token alice is revoked\n"
    assert ask("token", "list", "--json").out == "[]\n"
    assert ask("token", "revoke", "alice").words == "Error: there is no token alice"
    assert ask("token", "create", *MINE).code == 0


def test_the_audit_is_filtered_and_given_as_json(ask: Ask) -> None:
    ask("token", "create", *MINE)
    ask("token", "revoke", "alice")
    (line,) = json.loads(ask("audit", "--action", "token revoke", "--json").out)
    assert (line["action"], line["repository"], line["repository_key"]) == (
        "token revoke",
        REPO.name,
        REPO.key,
    )
    me = line["actor"]
    assert len(ask("audit", "--actor", f"@{me}", "--since", "1h").out.splitlines()) == 2
    assert len(ask("audit", "--action", "token", "--limit", "1").out.splitlines()) == 1
    for nothing in (["--actor", "nobody"], ["--since", "2100-01-01"], ["--run", "none"]):
        assert ask("audit", *nothing).words == "nothing is on record"
    assert "'yesterday' is no time; write 12h" in ask("audit", "--since", "yesterday").err


def test_everything_is_in_the_audit_of_the_repository(ask: Ask) -> None:
    ask("token", "create", *MINE)
    ask("token", "revoke", "alice")
    lines = ask("audit", "--repo", REPO.name).out.splitlines()
    assert [line.split("  ")[1] for line in lines] == [
        "token revoke alice (read)",
        "token create alice (read)",
    ]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--name", "Alice!", "--repo", REPO.name], "cannot name a token"),
        (["--name", "alice", "--repo", "acme/none"], "has not seen a repository acme/none"),
        (["--name", "alice"], "Missing option '--repo'"),
        ([*MINE, "--expires", "soon"], "'soon' is no lifetime; write 12h, 90d"),
        ([*MINE, "--scope", "admin"], "'admin'"),
    ],
)
def test_what_cannot_be_made_is_refused_in_words(ask: Ask, args: list[str], words: str) -> None:
    answer = ask("token", "create", *args)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
