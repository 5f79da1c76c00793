"""Every command that the documents show is run as they show it, or stands in `not_run` with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.images import ensure_images
from dev.recipes import BUSYBOX
from tests.conftest import engine_problem
from tests.docs.not_run import NOT_RUN, reason
from tests.docs.scene import Scene, scene
from tests.docs.shown import Shown, commands


def _question(shown: Shown) -> tuple[str, ...]:
    """The same command is run once, unless its page has a shell of its own or says what comes of it."""
    stays = shown.page in KEEPS_A_SHELL or shown.prints
    return (shown.text, shown.page, str(shown.line)) if stays else (shown.text,)


KEEPS_A_SHELL = ("docs/guide.md", "docs/cli.md")
SHOWN = commands()
RUN = list({_question(each): each for each in reversed(SHOWN) if not reason(each.text)}.values())[::-1]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if not engine_problem():
        ensure_images([BUSYBOX])
    with scene(tmp_path_factory.mktemp("documents")) as made:
        yield made


@pytest.mark.docker
@pytest.mark.parametrize("shown", [pytest.param(each, id=each.id) for each in RUN])
def test_a_command_of_the_documents_works(here: Scene, shown: Shown) -> None:
    """Where a document shows what is printed, that is a complaint, and the command ends with 1."""
    done = here.run(shown)
    assert done.returncode == (1 if shown.prints else 0), done.stdout + done.stderr
    assert shown.prints in done.stdout + done.stderr


def test_every_reason_not_to_run_something_is_about_something_shown() -> None:
    for begin in NOT_RUN:
        assert any(each.text.startswith(begin) for each in SHOWN), begin
