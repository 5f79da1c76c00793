"""Who is let in: holders of a valid token, at once and no longer; everybody else is refused cheaply."""

from __future__ import annotations

import pytest

from ci_bot.core.errors import StoreError
from ci_bot.core.tokens import text_of
from ci_bot.web.api.parts import GUESSES_AT_ONCE
from tests.make import token
from tests.web.api.conftest import READER, WRITER, Api


def unknown(number: int = 99) -> str:
    return text_of(number.to_bytes(32, "big"))


async def test_without_a_token_one_is_told_how_to_get_one(api: Api) -> None:
    said = await api.ask("/runs", by="")
    assert said.status == 401
    assert said.headers["WWW-Authenticate"] == 'Bearer realm="ci-bot"'
    assert said.words == (
        "this needs a token: Authorization: Bearer cibot_…; "
        "the operator makes one on the server: ci-bot token create"
    )


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        f"Basic {READER}",
        READER,
        f"Bearer {READER}x",
        f"Bearer {READER[:-1]}",
        f"Bearer {READER.upper()}",
        f"Bearer {unknown()}",
        "Bearer " + "x" * 7000,
    ],
)
async def test_what_is_no_token_is_refused_in_the_same_words(api: Api, header: str) -> None:
    said = await api.ask("/runs", by="", Authorization=header)
    assert (said.status, said.json["detail"]) == (401, "this is no token of this server")
    assert READER not in said.body.decode()


async def test_the_scheme_may_be_written_in_any_case(api: Api) -> None:
    assert (await api.ask("/runs", by="", Authorization=f"bearer {READER}")).status == 200


async def test_a_token_in_the_address_is_not_taken(api: Api) -> None:
    assert (await api.ask(f"/runs?token={READER}", by="")).status == 401


async def test_a_token_that_is_revoked_is_refused_at_once(api: Api) -> None:
    assert (await api.ask("/runs")).status == 200
    await api.store.tokens.revoke("t1", [])
    said = await api.ask("/runs")
    assert (said.status, said.json["detail"]) == (401, "the token reader was revoked")


async def test_a_token_that_expired_says_so_to_its_holder(api: Api) -> None:
    await api.store.tokens.revoke("t1", [])
    fresh = unknown(7)
    made = token(fresh, id="t9", name="short", expires_at=api.store.clock.now() + 10)
    await api.store.tokens.create(made, [])
    assert (await api.ask("/runs", fresh)).status == 200
    api.store.clock.time += 10
    said = await api.ask("/runs", fresh)
    assert said.status == 401
    assert said.json["detail"].startswith("the token short expired on ")


async def test_its_last_use_is_noted_and_not_more_than_once_a_minute(api: Api) -> None:
    async def used() -> float | None:
        found = await api.store.tokens.by_id("t1")
        assert found is not None
        return found.used_at

    began = api.store.clock.now()
    await api.ask("/runs")
    assert await used() == began
    api.store.clock.time += 30
    await api.ask("/runs")
    assert await used() == began
    api.store.clock.time += 30
    await api.ask("/runs")
    assert await used() == began + 60


async def test_every_token_that_is_used_is_told_to_whoever_writes_logs(api: Api) -> None:
    await api.ask("/runs", WRITER)
    await api.ask("/runs", unknown())
    assert set(api.used) == {WRITER.encode()}


async def test_who_tries_tokens_is_soon_refused_without_a_look_and_holders_are_not(api: Api) -> None:
    assert (await api.ask("/runs")).status == 200
    statuses = [
        (await api.ask("/runs", unknown(number))).status for number in range(GUESSES_AT_ONCE + 5)
    ]
    assert statuses == [401] * GUESSES_AT_ONCE + [429] * 5
    late = await api.ask("/runs", unknown())
    assert (late.status, late.headers["Retry-After"]) == (429, "1")
    assert (await api.ask("/runs")).status == 200
    assert (await api.ask("/runs", by="")).status == 401
    api.store.clock.time += 1
    assert (await api.ask("/runs", unknown())).status == 401


async def test_a_database_that_does_not_answer_is_told_as_such(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_sha256: str) -> None:
        raise StoreError("the database failed: locked by /secret/path")

    monkeypatch.setattr(api.parts.tokens, "by_hash", fails)
    said = await api.ask("/runs")
    assert (said.status, said.headers["Retry-After"]) == (503, "5")
    assert said.words == "the database does not answer; try again later"


async def test_a_bug_of_ours_is_one_sentence(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(api.parts.listing, "page", fails)
    said = await api.ask("/runs")
    assert (said.status, said.words) == (500, "ci-bot failed here; the operator's log says how")


# ── addresses and methods ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path", ["/nosuch", "/runs/", "", "/", "/runs/x/y", "/tokens", "/runs/x/approve"]
)
async def test_an_address_that_is_not_there_is_a_problem_in_words(api: Api, path: str) -> None:
    said = await api.ask(path)
    assert (said.status, said.words) == (
        404,
        "there is no such address in this API; see /api/v1/openapi.json",
    )
    assert said.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/runs", "GET"),
        ("PUT", "/runs/x", "GET"),
        ("GET", "/runs/x/retry", "POST"),
        ("OPTIONS", "/runs", "GET"),
        ("POST", "/openapi.json", "GET"),
    ],
)
async def test_a_method_that_is_not_there_says_which_are(
    api: Api, method: str, path: str, allowed: str
) -> None:
    said = await api.ask(path, method=method)
    assert (said.status, said.headers["Allow"]) == (405, allowed)
    assert said.json["detail"] == f"this address takes {allowed} only"


async def test_the_description_is_for_everybody_and_names_every_operation(api: Api) -> None:
    async with api.client.get("/api/v1/openapi.json") as answer:
        described = await answer.json()
    assert answer.status == 200
    assert described["openapi"] == "3.1.0"
    operations = {
        operation["operationId"]
        for operations in described["paths"].values()
        for operation in operations.values()
    }
    assert operations == {
        "listRuns", "getRun", "readLog", "listArtifacts", "downloadArtifacts", "retryRun", "cancelRun",
        "getRequest",
    }  # fmt: skip
