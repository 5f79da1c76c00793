"""What differs between commits, by real git from a real server: where a forge's list has an end."""

import pytest

from ci_bot.core.errors import WorkspaceError
from tests.workspace.githttp import REPO, commit, git


async def test_a_push_and_a_pull_request_are_compared_with_other_commits(app, server, workspaces):
    start = git(app, "rev-parse", "HEAD")
    main = commit(app, {"main.txt": "1\n"}, "on main")
    git(app, "checkout", "--quiet", "-b", "topic", start)
    head = commit(app, {"src/a\nb.txt": "1\n", "ümlaut": "1\n"}, "on topic")
    ask = workspaces.between
    common = await ask(REPO, server.source(), main, head, from_common=True)
    assert set(common) == {"src/a\nb.txt", "ümlaut"}
    direct = await ask(REPO, server.source(), main, head, from_common=False)
    assert set(direct) == {"src/a\nb.txt", "ümlaut", "main.txt"}
    assert await ask(REPO, server.source(), head, head, from_common=False) == ()


async def test_a_renamed_file_has_both_names(app, server, workspaces):
    before = commit(app, {"old.txt": "a long line\n" * 20}, "old")
    git(app, "mv", "old.txt", "new.txt")
    head = commit(app, {}, "moved")
    found = await workspaces.between(REPO, server.source(), before, head, from_common=False)
    assert set(found) == {"old.txt", "new.txt"}


async def test_more_files_than_any_list_of_a_forge(app, server, workspaces):
    start = git(app, "rev-parse", "HEAD")
    head = commit(app, {f"f/{n}": "x" for n in range(3100)}, "many")
    found = await workspaces.between(REPO, server.source(), start, head, from_common=True)
    assert len(found) == 3100


async def test_a_commit_that_is_nowhere_is_told_in_words(app, server, workspaces):
    head = git(app, "rev-parse", "HEAD")
    with pytest.raises(WorkspaceError, match="comparing ddddddd"):
        await workspaces.between(REPO, server.source(), "d" * 40, head, from_common=False)
