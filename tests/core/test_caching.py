"""Who reads and writes which caches: nothing that is trusted ever reads what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.caching import StoredCache, digest, filled, globs_of, hashed, reach, shape, to_evict
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Plan
from ci_bot.core.trust import Ruling
from tests.make import ALICE, REPO

PULL = RunKind.PULL_REQUEST


def run(
    kind: RunKind = RunKind.PUSH, ref: str = "topic", fork: bool | None = False, **more: object
) -> Run:
    facts = None if fork is None else Facts(fork=fork)
    made = Run(
        id="r", key="k", repo=REPO, kind=kind, ref=ref, sha="a" * 40, verdict=Verdict.PLANNED, actor=ALICE,
        created_at=0.0, plan=Plan("", (), facts=facts),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "read", "write"),
    [
        (run(ref="main"), ("main",), "main"),
        (run(), ("topic", "main"), "topic"),
        (run(PULL, pull=3, base_ref="release"), ("topic", "release", "main"), "topic"),
        (run(RunKind.SCHEDULE, "main"), ("main",), "main"),
        (run(RunKind.TAG, "v1"), ("main",), ""),
        (run(RunKind.MERGE_GROUP, "gh-readonly-queue/x", base_ref="main"), ("main",), ""),
        # A fork's branch may be called "main", and its people may write here: it writes nothing all the same.
        (run(PULL, "main", True, pull=3, base_ref="main"), ("main",), ""),
        (run(PULL, "main", None, pull=3, base_ref="main"), ("main",), ""),
        (run(RunKind.MANUAL, "main", False, pull=3, base_ref="main"), ("main",), ""),
        (run(ruling=Ruling.RUN_WITHOUT_SECRETS), ("main",), ""),
    ],
)
def test_what_a_run_reads_and_writes(of: Run, read: tuple[str, ...], write: str) -> None:
    found = reach(of)
    assert (found.read, found.write) == (read, write)
    assert bool(found.why_not) == (not write)


def test_keys_stand_for_what_files_hold() -> None:
    key = "npm-${{ hashFiles('**/lock', \"a b\") }}-${{hashFiles('x')}}"
    assert hashed(key) == [("**/lock", "a b"), ("x",)]
    assert filled(key, ["1", "2"]) == "npm-1-2"
    assert globs_of("lock") is None
    assert globs_of("'a' 'b'") is None


def test_a_digest_depends_on_names_and_contents_and_on_no_order() -> None:
    one = digest([("a", "1"), ("b", "2")])
    assert one == digest([("b", "2"), ("a", "1")])
    assert len({one, digest([("a", "2"), ("b", "1")]), digest([("a", "1")]), digest([])}) == 4
    assert shape(["a", "b"]) == shape(["b", "a"]) != shape(["a"])


def test_the_longest_unused_go_until_the_rest_fits() -> None:
    caches = [StoredCache("old", 5, 1.0), StoredCache("new", 5, 3.0), StoredCache("mid", 5, 2.0)]
    assert to_evict(caches, None, 15) == ()
    assert to_evict(caches, None, 9) == ("old", "mid")
    assert to_evict(caches, None, 0) == ()


def test_what_was_not_used_for_long_goes_though_it_fits() -> None:
    caches = [StoredCache("old", 5, 1.0), StoredCache("new", 5, 3.0), StoredCache("mid", 5, 2.0)]
    assert to_evict(caches, 1.0, 0) == ()
    assert to_evict(caches, 2.0, 0) == ("old",)
    assert to_evict(caches, 2.0, 9) == ("old", "mid")
