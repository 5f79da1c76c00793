"""The images of the examples are made of whatever versions the distribution has."""

from __future__ import annotations

import re

from dev.recipes import BUILDER, SYSTEM
from dev.toolchains import TOOLCHAINS


def test_no_package_is_named_with_a_version_that_another_release_does_not_have() -> None:
    named = {*SYSTEM, *BUILDER, *(name for each in TOOLCHAINS.values() for name in each.packages)}
    assert {name for name in named if re.search(r"-\d|\d\.\d", name)} == set()
