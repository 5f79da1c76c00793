"""Folders that a step left behind on purpose: too deep, locked, full of links."""

import os
import subprocess
import sys

import pytest

from ci_bot.core.errors import WorkspaceError
from ci_bot.workspace.removal import empty

NOBODY = 65534


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "bag"
    made.mkdir()
    return made


def test_trees_deeper_than_any_path_or_recursion(folder):
    here = os.open(folder, os.O_RDONLY)
    for _ in range(5000):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    empty(folder)
    assert list(folder.iterdir()) == []


def test_links_are_removed_and_not_followed(folder, tmp_path):
    victim = tmp_path / "victim"
    (victim / "inner").mkdir(parents=True)
    (folder / "a/b").mkdir(parents=True)
    (folder / "link").symlink_to(victim)
    (folder / "a/b/link").symlink_to(victim)
    (folder / "a/b/broken").symlink_to("nowhere")
    os.mkfifo(folder / "a/fifo")
    empty(folder)
    assert list(folder.iterdir()) == []
    assert (victim / "inner").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="makes files of other users")
def test_files_of_other_users_and_locked_folders(folder):
    (folder / "a/b/c").mkdir(parents=True)
    (folder / "a/b/c/file").write_text("x")
    for path in (folder / "a/b/c/file", folder / "a/b/c", folder / "a/b"):
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0)
    empty(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_without_root_locked_folders_of_our_own_go_and_those_of_others_are_named(tmp_path):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.name.startswith(("pytest-", "popen-")):  # pytest's own, which are root's alone
            parent.chmod(0o755)
    for name in ("ours", "others"):
        (tmp_path / name / "a/b").mkdir(parents=True)
        (tmp_path / name / "a/b/file").write_text("x")
        for path in (
            tmp_path / name / "a/b/file",
            tmp_path / name / "a/b",
            tmp_path / name / "a",
            tmp_path / name,
        ):
            os.chown(path, NOBODY, NOBODY)
        (tmp_path / name / "a/b").chmod(0o500)
        (tmp_path / name / "a").chmod(0)
    os.chown(tmp_path / "others/a/b", 0, 0)
    assert _emptied_by_nobody(tmp_path / "ours") == "[]"
    said = _emptied_by_nobody(tmp_path / "others")
    assert "belong to another user" in said
    assert WorkspaceError.__name__ in said


def _emptied_by_nobody(folder):
    code = """
import os, sys
from pathlib import Path
from ci_bot.core.errors import WorkspaceError
from ci_bot.workspace.removal import empty
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    empty(Path(sys.argv[1]))
    print(os.listdir(sys.argv[1]))
except WorkspaceError as error:
    print("WorkspaceError", error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    return run.stdout.strip()
