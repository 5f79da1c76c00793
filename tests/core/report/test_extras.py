"""Caches, artifacts and tests of a job in its check: counted, linked, on their lines, and harmless."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from ci_bot.core.extra_words import lines
from ci_bot.core.extras import CacheUse, Coverage, Extras, FailedTest, KeptArtifacts, TestCounts
from ci_bot.core.report import checks
from ci_bot.core.report.extras import artifacts_url, extra_blocks, remarks_of_tests
from ci_bot.core.states import Status
from tests.core.report.samples import job, link, run
from tests.core.report.test_foreign_text import anything, assert_harmless

URL = "https://ci.example/runs/r1/test-1?key=k"
KEPT = KeptArtifacts(3, 1_200_000, 400_000, 1_800_000_000.0)


def shown(extras: Extras) -> tuple[str, ...]:
    return lines(replace(job("test"), extras=extras))


def test_a_cache_in_words() -> None:
    hit = CacheUse("k", "k", 12_000_000, 0.4, worth=137.0)
    assert shown(Extras((hit,))) == ('cache "k": hit, 12.0 MB in 0.4 s, 2 min 5 s saved',)
    near = CacheUse("k2", "k1", 12_000, 0.4, written=13_000)
    assert shown(Extras((near,))) == ('cache "k2": "k1", 12 kB in 0.4 s; written, 13 kB',)
    assert shown(Extras((CacheUse("k", note="nothing is written for forks"),))) == (
        'cache "k": miss; nothing is written for forks',
    )
    assert shown(Extras((CacheUse("", note="hashFiles: too much"),))) == (
        "cache: not used; hashFiles: too much",
    )


def test_artifacts_in_words_and_their_address() -> None:
    assert shown(Extras(artifacts=KEPT)) == ("artifacts: 3 files, 1.2 MB, until 2027-01-15",)
    (block,) = extra_blocks(replace(job("test"), extras=Extras(artifacts=KEPT)), URL)
    assert artifacts_url(URL) == "https://ci.example/runs/r1/test-1/artifacts?key=k"
    assert artifacts_url(URL) in block


def test_a_failing_test_whose_place_is_known_stands_on_its_line() -> None:
    failures = (FailedTest("a", "no", "src/a.py", 3), FailedTest("b", "no"))
    of = replace(job("test"), extras=Extras(tests=TestCounts(5, 2, failures=failures)))
    assert [(one.path, one.line, one.title) for one in remarks_of_tests(of)] == [("src/a.py", 3, "a")]
    assert "5 tests, 2 failed" in extra_blocks(of, URL)[0]


def test_coverage_in_words_and_why_there_is_none() -> None:
    extras = Extras(coverage=Coverage(83.4, 1200))
    assert shown(extras) == ("coverage: 83.4 % of 1,200 lines",)
    assert extra_blocks(replace(job("test"), extras=extras), URL) == ["Coverage: 83.4 % of 1,200 lines"]
    none = Extras(coverage=Coverage(notes=("no report matches c.xml",)))
    assert shown(none) == ("coverage: none", "no report matches c.xml")
    (block,) = extra_blocks(replace(job("test"), extras=none), URL)
    assert block == "Coverage: none; no report matches c.xml"


@pytest.mark.parametrize(
    ("status", "value"),
    [(Status.SUCCEEDED, 83.4), (Status.FAILED, 83.4), (Status.RUNNING, None)],
)
def test_the_check_of_a_job_that_has_ended_bears_it_and_the_gate_does_not(
    status: Status, value: float | None
) -> None:
    of = replace(job("test", status), extras=Extras(coverage=Coverage(83.4)))
    gate, own = checks([run(of)], {}, link)
    assert (gate.coverage, own.coverage) == (None, value)


@settings(max_examples=50)
@given(anything, anything)
def test_whatever_a_report_or_a_file_is_called_it_stays_text(one: str, other: str) -> None:
    extras = Extras(
        (CacheUse(one, other, note=one),),
        replace(KEPT, notes=(other,)),
        TestCounts(3, 1, failures=(FailedTest(one, other, other, 1),), notes=(one,)),
        Coverage(notes=(one, other)),
    )
    of = replace(job("test"), extras=extras)
    for block in extra_blocks(of, ""):
        assert_harmless(block)
