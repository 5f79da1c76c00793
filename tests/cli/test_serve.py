"""`ci-bot serve`: what keeps it from starting is told in one line each."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.request
from pathlib import Path
from subprocess import Popen
from urllib.error import HTTPError, URLError

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ci_bot.store import Database, OneServer
from tests.cli.conftest import NOWHERE, Ask, begin, finish
from tests.postgres import Cluster, name_of
from tests.rig import free_port


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Settings that are complete, for a server without an engine; returns its port."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    port = free_port()
    for name, value in {
        "CI_BOT_GITHUB__APP_ID": "7",
        "CI_BOT_GITHUB__PRIVATE_KEY_FILE": str(tmp_path / "key.pem"),
        "CI_BOT_GITHUB__WEBHOOK_SECRET": "0123456789abcdef",
        "CI_BOT_GITHUB__API_URL": "http://127.0.0.1:1",
        "CI_BOT_PORT": str(port),
        "CI_BOT_LOG_LEVEL": "error",
        "DOCKER_HOST": NOWHERE,
    }.items():
        monkeypatch.setenv(name, value)
    return port


def test_every_problem_of_the_settings_is_a_line(ask: Ask, here: Path) -> None:
    (here / "ci-bot.toml").write_text(
        'port = -1\npublic_url = "ftp://x"\n[github]\napp_id = 5\nwebhook_secret = "short"\n'
    )
    answer = ask("serve")
    assert (answer.code, answer.out) == (2, "")
    lines = answer.err.splitlines()
    assert len(lines) == 4
    for place in ("port", "public_url", "github.private_key", "github.webhook_secret"):
        assert any(f" ci-bot.toml: {place}: " in line for line in lines)


def test_a_server_needs_a_forge(ask: Ask) -> None:
    answer = ask("serve")
    assert answer.code == 2
    assert answer.words.startswith("ci-bot: settings: no forge is set up: ")


def test_a_port_that_is_in_use_is_one_line(configured: int) -> None:
    with socket.create_server(("127.0.0.1", configured)):
        answer = finish(begin("serve"))
    assert answer.code == 2
    assert str(configured) in answer.words
    assert "in use" in answer.words


def test_one_server_for_one_data_directory_and_it_stops_when_it_is_told(
    configured: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared.db"
    monkeypatch.setenv("CI_BOT_DATABASE_URL", f"sqlite+aiosqlite:///{shared}")
    first = begin("serve")
    try:
        wait_for(f"http://127.0.0.1:{configured}/healthz")
        second = finish(begin("serve", CI_BOT_PORT="0"))
        assert second.code == 2
        assert "another ci-bot uses " in second.words
        elsewhere = finish(begin("serve", CI_BOT_PORT="0", CI_BOT_DATA_DIR=str(tmp_path / "other")))
        assert elsewhere.code == 2
        assert f"another ci-bot uses {shared}; stop it, or set another database_url" in elsewhere.words
        with pytest.raises(HTTPError, match="503") as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{configured}/readyz", timeout=10)
        assert b"engine: " in refused.value.read()
        refused.value.close()
    finally:
        first.terminate()
        answer = finish(first)
    assert (answer.code, answer.out) == (0, "")
    assert "Traceback" not in answer.err


def test_a_server_ends_when_another_has_taken_its_database(
    configured: int, ask: Ask, monkeypatch: pytest.MonkeyPatch, postgres: Cluster
) -> None:
    """Its session was cut while the network was; doctor tells where the database is and how far."""

    async def take_over(child: Popen[str]) -> None:
        database = await Database.open(url, migrate=False)
        await postgres.cut_all()
        await database.ping()
        another = OneServer(database, "elsewhere")
        await another.take()
        await asyncio.to_thread(child.wait, 30)
        await another.close()
        await database.close()

    url = asyncio.run(postgres.empty())
    monkeypatch.setenv("CI_BOT_DATABASE_URL", url)
    where = f"answers at postgresql+asyncpg:///{name_of(url)}"
    assert f"{where}, and is empty; `ci-bot serve` makes the tables" in ask("doctor").out
    server = begin("serve")
    try:
        wait_for(f"http://127.0.0.1:{configured}/healthz")
        assert where in ask("doctor").out
        asyncio.run(take_over(server))
    finally:
        server.terminate()
        answer = finish(server)
    assert answer.code == 2
    assert "another server works on this database (ci-bot elsewhere, from this machine)" in answer.words


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_a_lost_key_file_is_not_made_anew_in_silence(
    configured: int, ask: Ask, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = here / "served"
    monkeypatch.setenv("CI_BOT_DATA_DIR", str(data))
    first = begin("serve")
    wait_for(f"http://127.0.0.1:{configured}/healthz")
    value = here / "value"
    value.write_text("hunter2-of-the-test")
    kept = ask("secret", "set", "TOKEN", "--repo", "github:7", "--from-file", str(value))
    assert kept.code == 0, kept.err
    first.terminate()
    assert finish(first).code == 0
    (data / "secrets.key").unlink()
    second = finish(begin("serve"))
    assert second.code == 2
    assert "secrets.key is not there, and 1 stored secret was made with its key" in second.words
    assert "Traceback" not in second.err
    assert not (data / "secrets.key").exists()
