"""`ci-bot doctor`: every part looked at, whatever is wrong with the others, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.images import ensure_images
from dev.recipes import BUSYBOX
from tests.cli.conftest import NOWHERE, Answer, Ask

NO_APP = "is not set up: `ci-bot app create --org NAME` makes the App; "


def found(answer: Answer) -> dict[str, str]:
    """What → its mark and words."""
    lines = [line for line in answer.out.splitlines() if line[:1] in ("✓", "✗")]
    return {line.split()[1]: f"{line[0]} {line[2:].split(None, 1)[1]}" for line in lines}


@pytest.mark.docker
def test_with_nothing_configured_it_says_what_is_fine_and_what_to_set_up(ask: Ask) -> None:
    answer = ask("doctor")
    told = found(answer)
    assert list(told) == ["docker", "git", "disk", "database", "github", "secrets"]
    assert told["docker"].startswith("✓ Docker ")
    assert told["git"].startswith("✓ ")
    assert told["database"] == "✓ not there yet; `ci-bot serve` makes it"
    assert told["github"].startswith(f"✗ {NO_APP}")
    assert (answer.code, answer.out.splitlines()[-1]) == (1, "1 to mend")


@pytest.mark.docker
def test_it_proves_that_the_engine_sees_the_servers_files(ask: Ask, tmp_path: Path) -> None:
    ensure_images([BUSYBOX])
    assert (
        "whether it sees the server's files, the first job will show" in found(ask("doctor"))["docker"]
    )
    (tmp_path / "data").mkdir()
    assert found(ask("doctor"))["docker"].endswith("; it sees the server's files")
    assert list((tmp_path / "data").iterdir()) == []


def test_an_engine_by_ssh_is_told_what_to_do_instead(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://builder")
    assert "ssh -NL /run/ci-bot-engine.sock:/var/run/docker.sock" in found(ask("doctor"))["docker"]


def test_an_engine_that_is_not_there_is_one_line_beside_the_others(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    answer = ask("doctor")
    told = found(answer)
    assert told["docker"].startswith("✗ ")
    assert "127.0.0.1:1" in told["docker"]
    assert told["git"].startswith("✓")
    assert (answer.code, answer.out.splitlines()[-1], answer.err) == (1, "2 to mend", "")


def test_a_damaged_database_is_told_with_what_to_do(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ci-bot.db").write_bytes(b"never was a database\n" * 1000)
    assert "restore it from a backup" in found(ask("doctor"))["database"]


def test_looking_makes_and_changes_nothing(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    ask("doctor")
    assert not (tmp_path / "data").exists()


def test_a_data_directory_that_is_none_is_told(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    (tmp_path / "data").write_text("a file")
    told = found(ask("doctor"))
    assert told["disk"] == f"✗ data_dir: {tmp_path / 'data'} is not a directory"


def test_without_git_it_says_so(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = found(ask("doctor"))
    assert told["git"].startswith("✗ ")


def test_addresses_of_notifications_are_examined_and_not_shown(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    rule = '[{"repositories": ["acme/*"], "urls": ["json://127.0.0.1/a-long-secret-path", "%s"]}]'
    monkeypatch.setenv("CI_BOT_NOTIFICATIONS", rule % "ntfy://127.0.0.1/topic")
    assert found(ask("doctor"))["notify"].startswith("✓ apprise understands all 2 URLs")
    monkeypatch.setenv("CI_BOT_NOTIFICATIONS", rule % "slak://a-secret-token")
    answer = ask("doctor")
    assert "is no address that apprise understands as slak://" in found(answer)["notify"]
    assert "a-secret-token" not in answer.out
