"""The operator's network settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_bot.core.errors import ForgeError, SettingsError
from ci_bot.forges.github import open_session
from ci_bot.forges.github.api import THE_APP, Api
from tests.forges.github.scene import ShiftedClock, Stub


@pytest.mark.parametrize("text", [None, "no certificate"])
async def test_an_unusable_file_of_certificates_is_told_to_the_operator(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=r"ca\.pem"):
        open_session(ca_file=file)


async def test_requests_go_through_the_proxy(stub: Stub) -> None:
    async with open_session(proxy=stub.url) as session:
        api = Api(session, "http://github.example.com/api/v3", ShiftedClock())
        assert await api.send(THE_APP, "GET", "/app", {}, token="t") == {}
    [request] = stub.asked
    assert request.headers["Host"] == "github.example.com"


async def test_the_environment_sends_nothing_elsewhere(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with open_session() as session:
        api = Api(session, stub.url, ShiftedClock())
        assert await api.send(THE_APP, "GET", "/app", {}, token="t") == {}


async def test_a_proxy_that_is_not_there_is_a_forge_error() -> None:
    async with open_session(proxy="http://user:hunter2@127.0.0.1:9") as session:
        api = Api(session, "http://github.example.com", ShiftedClock())
        with pytest.raises(ForgeError) as caught:
            await api.send(THE_APP, "GET", "/app", {}, token="t")
    assert "hunter2" not in str(caught.value)
