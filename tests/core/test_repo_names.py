"""How an operator names repositories of several forges."""

from __future__ import annotations

import pytest

from ci_bot.core.repo_names import is_named, with_forge


@pytest.mark.parametrize(
    ("forge", "name", "pattern", "named"),
    [
        ("github", "acme/web", "acme/*", True),
        ("gitlab", "acme/tools/web", "acme/*", True),
        ("gitlab", "acme/tools/web", "gitlab:acme/*", True),
        ("github", "acme/web", "gitlab:acme/*", False),
        ("gitlab", "acme/web", "*:acme/web", True),
        ("gitlab", "acme-evil/web", "acme/*", False),
        ("", "acme/web", "acme/web", True),
    ],
)
def test_a_pattern_names_repositories_of_all_forges_or_of_one(
    forge: str, name: str, pattern: str, named: bool
) -> None:
    assert is_named(forge, name, [pattern]) is named
    assert not is_named(forge, name, [])


def test_a_name_may_say_its_forge() -> None:
    assert with_forge("gitlab:acme/tools/web") == ("gitlab", "acme/tools/web")
    assert with_forge("acme/web") == ("", "acme/web")
