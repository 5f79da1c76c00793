"""`checkout`."""

from __future__ import annotations

import pytest

from ci_bot.core.planned import Checkout
from tests.core.pipeline.examples import complaints, job, read_text

C = "jobs.build.checkout"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{}", Checkout()),
        ("{depth: 5}", Checkout(depth=5)),
        ("{submodules: true, lfs: true, depth: 0}", Checkout(submodules=True, lfs=True)),
    ],
)
def test_what_the_workspace_holds(written: str, meant: Checkout) -> None:
    found = read_text(job(f"checkout: {written}")).pipeline
    assert found
    assert found.jobs[0].checkout == meant


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{depth: all}", f'4:23: {C}.depth: "all" is not a number of commits; write 0 for the whole history'),
        ("{fetch-depth: 1}", f'4:16: {C}.fetch-depth: unknown key "fetch-depth"; did you mean "depth"?'),
        ("{submodules: recursive}", f'4:28: {C}.submodules: must be true or false, not "recursive"; write it without quotes'),
        ("true", f'4:15: {C}: must be a map, not text; write "key: value" lines under it'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(written: str, told: str) -> None:
    assert complaints(job(f"checkout: {written}")) == [told]
