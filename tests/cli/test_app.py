"""`ci-bot app`: what keeps an App from being made is told before anybody opens a browser."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ci_bot.core.errors import SettingsError
from ci_bot.core.registration import MadeApp
from ci_bot.settings import load
from ci_bot.wiring.registering import Wanted, settings_lines, store_app
from tests.cli.conftest import Ask, begin, finish

WANTED = Wanted("acme", "", "https://github.com", "https://api.github.com")
SERVER = Wanted("acme", "", "https://forge.example", "https://forge.example/api/v3", replace=True)


def made(number: int = 7) -> MadeApp:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return MadeApp(number, "ci-bot-acme", "https://github.com/apps/ci-bot-acme", pem, "s" * 40)


def data_dir() -> Path:
    path = Path(os.environ["CI_BOT_DATA_DIR"])
    path.mkdir(exist_ok=True)
    return path


@pytest.mark.parametrize("args", [(), ("--org", "acme", "--personal")])
def test_it_must_be_said_whose_app_it_is(ask: Ask, args: tuple[str, ...]) -> None:
    answer = ask("app", "create", *args)
    assert answer.code == 2
    assert "--org NAME, or --personal" in answer.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--org", "a/b"), "--org: 'a/b' is no name of an organisation"),
        (("--org", "acme"), "public_url: http://127.0.0.1:8080 is this machine alone; "),
        (("--org", "acme", "--web-url", "forge.example"), "--web-url: forge.example must begin with "),
        (("--org", "acme", "--api-url", "https://x"), "--api-url needs --web-url beside it"),
    ],
)
def test_what_would_fail_in_the_browser_fails_before(
    ask: Ask, args: tuple[str, ...], words: str
) -> None:
    answer = ask("app", "create", *args)
    assert answer.code == 2
    assert words in answer.err


def test_the_port_must_be_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_BOT_PUBLIC_URL", "https://ci.example.com")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        answer = finish(begin("app", "create", "--org", "acme", CI_BOT_PORT=str(port)))
    assert answer.code == 2
    assert answer.words.startswith(f"ci-bot: settings: port: {port} is in use, by the server perhaps; ")


def test_a_key_that_could_not_be_stored_is_told_before(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    (here / "file").touch()
    monkeypatch.setenv("CI_BOT_PUBLIC_URL", "https://ci.example.com")
    monkeypatch.setenv("CI_BOT_KEYS_DIR", str(here / "file"))
    answer = ask("app", "create", "--org", "acme")
    assert "the App's key could not be stored: " in answer.words


def test_the_stored_app_is_the_servers(ask: Ask) -> None:
    app = made()
    data_dir()
    store_app(load(), WANTED, app)
    settings = load()
    assert settings.github is not None
    assert settings.github.app_id == 7
    assert settings.github.private_key.get_secret_value() == app.private_key.strip()
    assert settings.github.webhook_secret.get_secret_value() == app.webhook_secret
    assert settings.github.api_url == "https://api.github.com"
    folder = settings.stored_app
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes == {
        "github-app": 0o700,
        "app.toml": 0o600,
        "private-key.pem": 0o600,
        "webhook-secret": 0o600,
    }
    answer = ask("app", "create", "--org", "acme")
    assert answer.code == 2
    assert "the App 7 is set up already; " in answer.words


def test_the_lines_say_what_the_files_say(here: Path) -> None:
    data_dir()
    store_app(load(), SERVER, made())
    stored = load().github
    (here / "ci-bot.toml").write_text(settings_lines(load(), made(), SERVER))
    assert load().github == stored
    assert stored is not None
    assert (stored.web_url, stored.api_url) == (SERVER.web_url, SERVER.api_url)


def test_an_app_is_never_overwritten() -> None:
    data_dir()
    settings = load()
    store_app(settings, WANTED, made(7))
    with pytest.raises(SettingsError, match=r"the App ci-bot-acme is made, but .* cannot be written"):
        store_app(settings, WANTED, made(8))
    assert "app_id = 7\n" in (settings.stored_app / "app.toml").read_text()
    store_app(settings, SERVER, made(9))
    assert "app_id = 9\n" in (settings.stored_app / "app.toml").read_text()
    (kept,) = settings.keys.glob("github-app.replaced-*")
    assert "app_id = 7\n" in (kept / "app.toml").read_text()
    assert sorted(path.name for path in settings.keys.iterdir()) == sorted(["github-app", kept.name])


def test_settings_win_over_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir()
    store_app(load(), WANTED, made(7))
    monkeypatch.setenv("CI_BOT_GITHUB__APP_ID", "5")
    monkeypatch.setenv("CI_BOT_GITHUB__PRIVATE_KEY", made().private_key)
    monkeypatch.setenv("CI_BOT_GITHUB__WEBHOOK_SECRET", "0123456789abcdef")
    found = load().github
    assert found is not None
    assert found.app_id == 5


def test_a_damaged_store_is_told_with_its_file() -> None:
    data_dir()
    settings = load()
    store_app(settings, WANTED, made(7))
    (settings.stored_app / "private-key.pem").write_text("no key")
    with pytest.raises(
        SettingsError, match=r"app\.toml: private_key: is not a private key in PEM form"
    ):
        load()


def test_syncing_needs_an_app(ask: Ask) -> None:
    answer = ask("app", "sync")
    assert answer.code == 2
    assert "`ci-bot app create --org NAME` makes the App" in answer.words
