"""A repository, the server that gives it out, and workspaces from it."""

import pytest

from ci_bot.workspace.checkouts import GitWorkspaces
from tests.workspace.githttp import repository, serving


@pytest.fixture
def app(tmp_path):
    return repository(tmp_path / "server" / "app")


@pytest.fixture
async def server(app):
    async with serving(app.parent) as running:
        yield running


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def workspaces(root):
    return GitWorkspaces(root)
