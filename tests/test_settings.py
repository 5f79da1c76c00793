"""Settings: the file, the environment over it, and every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ci_bot.core.errors import SettingsError
from ci_bot.settings import load


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


RSA_KEY = pem(rsa.generate_private_key(65537, 2048))


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("CI_BOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "ci-bot.toml"
    file.write_text(text)
    return file


def test_nothing_set_is_enough_for_a_local_run() -> None:
    settings = load()
    assert settings.github is None
    assert settings.database == "sqlite+aiosqlite:////var/lib/ci-bot/ci-bot.db"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "port = 9000\nmax_jobs = 2\n[limits]\ncpus = 1.5\n")
    monkeypatch.setenv("CI_BOT_PORT", "9100")
    monkeypatch.setenv("CI_BOT_LIMITS__PIDS", "99")
    settings = load()
    assert (settings.port, settings.max_jobs) == (9100, 2)
    assert (settings.limits.cpus, settings.limits.pids) == (1.5, 99)


def test_what_confines_a_nested_engine_is_refused_of_the_other_kinds(tmp_path: Path) -> None:
    table = '[[engines]]\nrepositories = ["acme/*"]\n'
    nested = load(written(tmp_path, f'{table}capabilities = ["SYS_ADMIN"]\n')).engines[0]
    assert (nested.kind, nested.capabilities) == ("nested", ("SYS_ADMIN",))
    with pytest.raises(
        SettingsError, match=r'engines\.0: runtime and capabilities are for kind = "nested"'
    ):
        load(written(tmp_path, f'{table}kind = "rootless"\nruntime = "sysbox-runc"\n'))
    with pytest.raises(SettingsError, match=r"engines\.0\.kind: .*'nested', 'rootless' or 'buildkit'"):
        load(written(tmp_path, f'{table}kind = "dind"\n'))


def test_secrets_come_from_files_and_never_show(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(RSA_KEY)
    (tmp_path / "hook").write_text("0123456789abcdef0123456789abcdef\n")
    file = written(
        tmp_path,
        f"""
        [github]
        app_id = 5
        private_key_file = "{tmp_path}/key.pem"
        webhook_secret_file = "{tmp_path}/hook"
        """,
    )
    github = load(file).github
    assert github is not None
    assert github.webhook_secret.get_secret_value() == "0123456789abcdef0123456789abcdef"
    assert "0123456789abcdef" not in repr(github)
    assert "PRIVATE" not in repr(github)


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        f"""
        port = 99999
        colour = "red"
        public_url = "ci.example"
        [github]
        app_id = "x"
        private_key_file = "{tmp_path}/nope.pem"
        webhook_secret = "short"
        [[registries]]
        host = "ghcr.io"
        """,
    )
    with pytest.raises(SettingsError) as error:
        load(file)
    told = "\n".join(error.value.problems)
    for expected in (
        "ci-bot.toml: port: ",
        "ci-bot.toml: colour: is not a setting",
        "public_url: must begin with https://",
        "github.app_id: ",
        "github.private_key_file: ",
        "nope.pem cannot be read: No such file or directory",
        "github.webhook_secret: is shorter than 16 characters",
        "registries.0.username: is missing",
        "registries.0.password: is missing",
        "registries.0.repositories: is missing",
    ):
        assert expected in told
    assert len(error.value.problems) == 9


def test_a_key_that_is_no_rsa_key_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI_BOT_GITHUB__APP_ID", "1")
    monkeypatch.setenv("CI_BOT_GITHUB__WEBHOOK_SECRET", "x" * 32)
    for key, why in (
        ("junk", "not a private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "RSA"),
    ):
        monkeypatch.setenv("CI_BOT_GITHUB__PRIVATE_KEY", key)
        with pytest.raises(SettingsError, match=why):
            load()


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 1"):
        load(written(tmp_path, "port 9000\n"))


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "other.toml")


def test_paths_must_be_absolute(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="data_dir must be an absolute path"):
        load(written(tmp_path, 'data_dir = "data"\n'))


def test_addresses_of_notifications_stand_in_a_file_one_on_each_line(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text("# the team\nslack://a/b/c\n\n  json://host/  \n")
    table = f'[[notifications]]\nrepositories = ["acme/*"]\nurls_file = "{tmp_path}/urls"\n'
    (found,) = load(written(tmp_path, table)).notifications
    assert [url.get_secret_value() for url in found.urls] == ["slack://a/b/c", "json://host/"]
    assert (found.on, found.branches) == (("failure", "recovery"), ())
    assert "slack" not in repr(found)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('urls_file = "/nowhere/urls"', "urls_file: /nowhere/urls cannot be read: No such file"),
        ("urls = []", "urls: "),
        ('urls = ["slack://a/b/c"]\non = ["always"]', "on.0: "),
        ('urls = ["slack://a/b/c"]\non = []', "on: "),
    ],
)
def test_what_is_wrong_with_notifications_is_told(tmp_path: Path, lines: str, problem: str) -> None:
    table = f'[[notifications]]\nrepositories = ["acme/*"]\n{lines}\n'
    with pytest.raises(SettingsError) as error:
        load(written(tmp_path, table))
    assert f"ci-bot.toml: notifications.0.{problem}" in str(error.value)
    assert "slack" not in str(error.value)


SIGNING = "whsec_" + "Q2FuIHlvdSByZWFkIHRoaXM/IElmIHNvOiBnb29kIQ=="


def gitlab(tmp_path: Path, text: str) -> Path:
    return written(tmp_path, f'data_dir = "{tmp_path}"\n[gitlab]\ntoken = "glpat-x"\n{text}')


def test_gitlab_alone_is_enough_and_never_shows_its_tokens(tmp_path: Path) -> None:
    (tmp_path / "signing").write_text(f"{SIGNING}\nwhsec_{'QUJD' * 11}\n")
    found = load(gitlab(tmp_path, f'signing_token_file = "{tmp_path}/signing"')).gitlab
    assert found is not None
    assert (found.url, found.run_level, found.approve_level) == ("https://gitlab.com", 30, 40)
    assert found.signing_tokens == (SIGNING, f"whsec_{'QUJD' * 11}")
    assert found.webhook_tokens == ()
    assert "whsec" not in repr(found)
    assert "glpat" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('signing_token = "abc"', "gitlab.signing_token: is not whsec_ and 32 bytes in base64"),
        ('signing_token = "whsec_QUJD"', "gitlab.signing_token: is not whsec_ and 32 bytes in base64"),
        ('webhook_token = "short"', "gitlab.webhook_token: is shorter than 16 characters"),
        ("run_level = 20", "gitlab.run_level: Input should be greater than or equal to 30"),
        ("run_level = 40\napprove_level = 30", "gitlab: approve_level (30) is below run_level (40)"),
        ('url = "gitlab.example"', "gitlab.url: must begin with https://"),
        ('signing_token_file = "/nowhere"', "/nowhere cannot be read: No such file"),
    ],
)
def test_what_is_wrong_with_gitlabs_table_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(gitlab(tmp_path, text))
    (problem,) = raised.value.problems
    assert said in problem


def test_what_connect_stored_counts_where_the_settings_say_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "gitlab"
    folder.mkdir()
    (folder / "signing-token").write_text(f"{SIGNING}\n")
    known = load(gitlab(tmp_path, "run_level = 40")).gitlab
    assert known is not None
    assert known.signing_tokens == (SIGNING,)
    assert (known.token.get_secret_value(), known.run_level) == ("glpat-x", 40)
    own = load(gitlab(tmp_path, 'webhook_token = "0123456789abcdef"')).gitlab
    assert own is not None
    assert own.signing_tokens == ()
    (folder / "signing-token").write_text("damaged\n")
    with pytest.raises(SettingsError, match=r"gitlab: signing_token: is not whsec_"):
        load(gitlab(tmp_path, ""))
