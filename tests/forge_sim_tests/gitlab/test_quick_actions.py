"""Which lines of a comment GitLab takes as its own, whatever the comment is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.forge_sim.gitlab.quick_actions import extract

_LINES = st.sampled_from(
    (
        *(
            "/approve",
            "/approve abc",
            "/retry",
            "/ci approve abc",
            " /approve",
            "> /approve",
            "- /close",
        ),
        *("```", "    /close", "text", "", "/Ready", "<p>", "/unknown", "`/approve`"),
    )
)


@pytest.mark.parametrize(
    ("body", "rest", "names"),
    [
        ("/approve 0a1b", "", ["approve"]),
        ("/APPROVE", "", ["approve"]),
        ("/approved", "/approved", []),
        ("/ci approve 0a1b", "/ci approve 0a1b", []),
        (" /approve 0a1b", " /approve 0a1b", []),
        ("/retry test", "/retry test", []),
        ("Fine.\n/approve\r\n/retry", "Fine.\n/retry", ["approve"]),
        ("```\n/approve\n```", "```\n/approve\n```", []),
        ("> /approve", "> /approve", []),
        ("- /approve", "- /approve", []),
    ],
)
def test_what_is_taken(body: str, rest: str, names: list[str]) -> None:
    taken = extract(body)
    assert (taken.rest, [name for name, _ in taken.actions]) == (rest, names)


@given(st.lists(_LINES, max_size=8).map("\n".join))
def test_nothing_is_left_changed_or_lost_but_what_is_taken(body: str) -> None:
    taken = extract(body)
    if not taken.actions:
        assert taken.rest == body
    kept = [line for line in taken.rest.split("\n") if line.strip()]
    gone = len([line for line in body.split("\n") if line.strip()]) - len(kept)
    assert gone == len(taken.actions)
