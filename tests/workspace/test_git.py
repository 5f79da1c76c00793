"""The one way to run git: its surroundings do not matter, and it never outlives its time."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from ci_bot.ports import CloneSource
from ci_bot.workspace.failures import Failure, GitFailed
from ci_bot.workspace.git import Git
from tests.workspace.githttp import git


async def configuration(git_, repository):
    out = await git_.run("-C", str(repository), "config", "--list", doing="asking")
    return dict(line.split("=", 1) for line in out.decode().splitlines() if "=" in line)


async def test_nobodys_configuration_is_read(app, tmp_path, monkeypatch):
    (tmp_path / ".gitconfig").write_text(
        "[core]\n\tpager = evil\n\tfsmonitor = evil\n[user]\n\tname = Me\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "evil")
    found = await configuration(Git(), app)
    assert "user.name" not in found
    assert found["core.hookspath"] == os.devnull
    assert found["http.followredirects"] == "false"


async def test_a_person_keeps_theirs_but_nothing_of_it_is_started(app, tmp_path, monkeypatch):
    (tmp_path / ".gitconfig").write_text("[core]\n\tfsmonitor = evil\n[user]\n\tname = Me\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = await configuration(Git(as_user=True), app)
    assert found["user.name"] == "Me"
    assert found["core.fsmonitor"] == "false"


async def test_certificates_and_proxy_come_from_the_settings(app, tmp_path):
    found = await configuration(Git(ca_file=tmp_path / "ca.pem", proxy="http://u:pw@proxy:3128"), app)
    assert found["http.sslcainfo"] == str(tmp_path / "ca.pem")
    assert found["http.proxy"] == "http://u:pw@proxy:3128"


async def test_what_takes_too_long_is_killed_with_its_children(app):
    git(app, "config", "alias.wait", "!sleep 4242 & wait")
    with pytest.raises(GitFailed, match="it took too long") as slow:
        await Git(timeout=0.3).run("-C", str(app), "wait", doing="waiting")
    assert slow.value.failure is Failure.TOO_SLOW
    assert not _is_running("sleep 4242")


async def test_a_missing_git_is_said_in_words(app, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(GitFailed, match="git cannot be started: No such file"):
        await Git().run("version", doing="asking")


async def test_it_asks_nobody_and_speaks_two_protocols(app, monkeypatch):
    """Whatever the server's own environment says."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext:file:ssh")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "1")
    monkeypatch.setenv("GIT_ASKPASS", "evil")
    git(app, "config", "alias.told", "!env")
    out = await Git().run("-C", str(app), "told", doing="asking")
    found = dict(line.split("=", 1) for line in out.decode().splitlines() if "=" in line)
    assert found["GIT_ALLOW_PROTOCOL"] == "http:https"
    assert found["GIT_TERMINAL_PROMPT"] == "0"
    assert "GIT_ASKPASS" not in found


async def test_the_token_goes_to_its_own_host_in_one_process_alone(app):
    source = CloneSource("https://git.example.com/acme/web", "x-access-token", "ghs_secret")
    wrapper = Git()
    out = await wrapper.run("-C", str(app), "config", "--list", doing="asking", source=source)
    (header,) = [line for line in out.decode().splitlines() if "extraheader" in line]
    assert header.startswith("http.https://git.example.com/.extraheader=Authorization: Basic ")
    assert not [name for name in await configuration(wrapper, app) if "extraheader" in name]


def _is_running(command):
    """Among the processes of this machine, by their arguments."""
    wanted = command.encode().split()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            if path.read_bytes().split(b"\0")[: len(wanted)] == wanted:
                return True
    return False
