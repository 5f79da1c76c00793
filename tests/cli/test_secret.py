"""`ci-bot secret …` and `ci-bot audit` on a server's own data: what is said, and what never is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ci_bot.cli.main import cli
from ci_bot.core.deciding import decide_repo
from ci_bot.core.decisions import Decision, SeeRepo
from ci_bot.core.errors import CiBotError
from ci_bot.core.events import RepoTransferred
from tests.make import ALICE, REPO
from tests.stores import open_store

VALUE = "hunter2-of-the-test"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's data directory with one repository in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI_BOT_DATA_DIR", str(tmp_path))
    asyncio.run(write(tmp_path, Decision("seen", repos=(SeeRepo(REPO),))))
    return tmp_path


async def write(data: Path, decision: Decision) -> None:
    async with open_store(f"sqlite+aiosqlite:///{data / 'ci-bot.db'}") as store:
        await store.decisions.commit(decision, None)


def ask(*words: str, value: str = "") -> Result:
    return CliRunner().invoke(cli, list(words), input=value)


def test_a_secret_is_set_listed_and_removed_and_never_shown(data: Path) -> None:
    done = ask("secret", "set", "TOKEN", "--repo", REPO.name, "--branch", "main", value=f"{VALUE}\n")
    assert (done.exit_code, done.stdout) == (0, "TOKEN is set for acme/shop\n")
    listed = ask("secret", "list", "--repo", REPO.name)
    assert listed.stdout.startswith("TOKEN  branches: main  set ")
    assert ask("secret", "rm", "TOKEN", "--repo", REPO.name).exit_code == 0
    assert ask("secret", "rm", "TOKEN", "--repo", REPO.name).exit_code == 1
    everything = (
        done.output
        + listed.output
        + "".join(path.read_bytes().decode("latin-1") for path in data.rglob("*") if path.is_file())
    )
    assert VALUE not in everything


def test_an_organisations_secret_is_for_all_its_repositories(data: Path) -> None:
    assert ask("secret", "set", "TOKEN", "--org", "acme", value=VALUE).exit_code == 0
    assert "TOKEN" in ask("secret", "list", "--org", "acme").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "PATH", "--repo", REPO.name), "changes how programs start"),
        (("set", "TOKEN", "--repo", REPO.name), "empty"),
        (("set", "TOKEN"), "--repo"),
        (("rm", "TOKEN", "--repo", REPO.name), "there is no secret TOKEN for acme/shop"),
        (("unlock", "--repo", REPO.name), "are not locked"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(data: Path, words: tuple[str, ...], told: str) -> None:
    done = ask("secret", *words)
    assert done.exit_code != 0
    assert told in done.output


def test_a_repository_that_was_never_seen_is_named_by_its_number(data: Path) -> None:
    done = ask("secret", "list", "--repo", "acme/none")
    assert isinstance(done.exception, CiBotError)
    assert "github:NUMBER" in str(done.exception)


def test_what_cannot_be_masked_is_warned_of(data: Path) -> None:
    done = ask("secret", "set", "TOKEN", "--repo", REPO.name, value="ab")
    assert done.exit_code == 0
    assert "cannot be masked" in done.output


def test_sealing_works_with_the_public_key_alone(data: Path, tmp_path: Path) -> None:
    ask("secret", "set", "X", "--repo", REPO.name, value=VALUE)  # makes the server's keys
    assert ask("secret", "rotate-key").exit_code == 0
    from ci_bot.secrets.keys import Keyring

    public = tmp_path / "public.json"
    public.write_text(Keyring.read_or_make(data / "sealing.key").public.to_text())
    done = ask("secret", "seal", "T", "--repo", "github:7", "--key", str(public), value=VALUE)
    assert 'T: {sealed: "ci-bot.1.' in done.stdout
    assert VALUE not in done.output


def test_rotating_encrypts_everything_again(data: Path) -> None:
    ask("secret", "set", "TOKEN", "--repo", REPO.name, value=VALUE)
    ask("secret", "seal", "T", "--repo", REPO.name, value=VALUE)
    done = ask("secret", "rotate-key")
    assert "stored secrets encrypted again: 1" in done.stdout
    assert "fingerprint" in done.stdout


@pytest.mark.parametrize("words", [("set", "OTHER", "--repo", REPO.name), ("rotate-key",)])
def test_a_lost_key_file_is_not_made_anew_in_silence(data: Path, words: tuple[str, ...]) -> None:
    ask("secret", "set", "TOKEN", "--repo", REPO.name, value=VALUE)
    (data / "secrets.key").unlink()
    done = CliRunner().invoke(cli, ["secret", *words], input=VALUE)
    assert done.exit_code != 0
    assert "secrets.key is not there, and 1 stored secret was made with its key" in str(done.exception)
    assert not (data / "secrets.key").exists()


def test_what_a_lost_key_opened_is_given_up_by_name_and_set_again(data: Path) -> None:
    ask("secret", "set", "TOKEN", "--repo", REPO.name, value=VALUE)
    (data / "secrets.key").unlink()
    done = ask("secret", "rotate-key", "--lost")
    assert "stored secrets encrypted again: 0" in done.stdout
    assert f"to set again: TOKEN of {REPO.name}" in done.stdout
    assert f"set these again: TOKEN of {REPO.name}" in keys_told()
    ask("secret", "set", "TOKEN", "--repo", REPO.name, value=VALUE)
    assert "made with" not in keys_told()


def keys_told() -> str:
    """What `ci-bot doctor` says of the keys."""
    return "\n".join(line for line in ask("doctor").output.splitlines() if " secrets " in line)


def test_a_transferred_repository_is_unlocked(data: Path) -> None:
    asyncio.run(write(data, decide_repo(RepoTransferred(REPO, ALICE))))
    assert ask("secret", "unlock", "--repo", REPO.name).exit_code == 0


def test_the_audit_is_empty_at_first(data: Path) -> None:
    done = ask("audit", "--repo", REPO.name)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing is on record" in done.output


def test_of_two_forges_with_one_name_the_forge_is_said(data: Path) -> None:
    twin = replace(REPO, forge="gitlab", id=8, tenant="acme")
    deep = replace(twin, id=9, name="acme/tools/shop")
    asyncio.run(write(data, Decision("seen", repos=(SeeRepo(twin), SeeRepo(deep)))))
    for option, name in (("--repo", REPO.name), ("--org", "acme")):
        unclear = ask("secret", "set", "TOKEN", option, name, value=VALUE)
        assert f"there is more than one {name}: say github:{name} or gitlab:{name}" in str(
            unclear.exception
        )
        assert ask("secret", "set", "TOKEN", option, f"gitlab:{name}", value=VALUE).exit_code == 0
        assert "TOKEN" in ask("secret", "list", option, f"gitlab:{name}").stdout
        assert "TOKEN" not in ask("secret", "list", option, f"github:{name}").stdout
    assert ask("secret", "set", "TOKEN", "--repo", deep.name, value=VALUE).exit_code == 0
