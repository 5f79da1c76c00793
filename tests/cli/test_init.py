"""`ci-bot init`: writes once, at the root, what the reader takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Ask


def test_a_file_for_what_is_here_and_what_to_do_with_it(ask: Ask, here: Path) -> None:
    (here / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    (here / "tests").mkdir()
    (here / "tests" / "conftest.py").touch()
    (here / "web").mkdir()
    (here / "go.mod").write_text("module shop\n\ngo 1.24\n")
    answer = ask("init")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "✓ .ci.yaml is written",
        "  a job for Python (pyproject.toml, pytest)",
        "  a job for Go (go.mod)",
        "next: read it, try it with `ci-bot run`, commit it on a branch and open a pull request",
    ]
    assert ask("validate").out == ".ci.yaml: valid\n"
    assert (here / ".ci.yaml").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in here.glob(".ci*")] == [".ci.yaml"]


def test_nothing_known_is_an_example(ask: Ask, here: Path) -> None:
    answer = ask("init")
    assert "an example: nothing was found" in answer.out
    assert ask("validate").code == 0


@pytest.mark.parametrize("name", [".ci.yaml", ".ci.yml"])
def test_a_file_that_is_there_is_written_over_by_force_alone(ask: Ask, here: Path, name: str) -> None:
    (here / name).write_text("mine\n")
    answer = ask("init")
    assert (answer.code, answer.out) == (2, "")
    assert f"{name} is there already; --force writes over it" in answer.err
    assert (here / name).read_text() == "mine\n"
    assert ask("init", "--force").code == 0
    assert "jobs:" in (here / name).read_text()
    assert len(list(here.glob(".ci*"))) == 1


def test_a_dangling_link_is_not_followed(ask: Ask, here: Path, tmp_path: Path) -> None:
    (here / ".ci.yaml").symlink_to(tmp_path / "elsewhere")
    assert ask("init").code == 2
    assert ask("init", "--force").code == 0
    assert not (tmp_path / "elsewhere").exists()


def test_below_the_root_it_says_where_the_file_belongs(
    ask: Ask, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "sub").mkdir()
    monkeypatch.chdir(repository / "sub")
    answer = ask("init")
    assert answer.code == 2
    assert f"run this in {repository}" in answer.err
    monkeypatch.chdir(repository)
    assert ask("init").code == 0


def test_odd_files_are_no_trouble(ask: Ask, here: Path) -> None:
    (here / "package.json").write_bytes(b"\xff\xfe{")
    (here / "Makefile").symlink_to("Makefile")
    os.mkfifo(here / "go.mod")
    assert ask("init").code == 0
    assert "Node.js" in (ask("init", "--force").out)
