"""JUnit reports as tools write them, and as an enemy would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.extras import FailedTest, TestCounts
from ci_bot.core.junit import MOST_FAILURES, counted, read_reports

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3" time="0.5">
<testcase classname="tests.test_a" name="test_ok" time="0.25"/>
<testcase classname="tests.test_a" name="test_skipped" time="0"><skipped message="why"/></testcase>
<testcase classname="tests.test_a" name="test_bad" time="0.25"><failure message="assert 1 == 2">def test_bad():
&gt;       assert 1 == 2

tests/test_a.py:12: AssertionError</failure></testcase>
</testsuite></testsuites>"""
NESTED = b"""<testsuite><testsuite><testcase name="a" file="/workspace/src/a.js" line="3">
<error>boom\nat x</error></testcase></testsuite><testcase name="b"/></testsuite>"""
BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><testsuite name="&b;"/>"""
OUTSIDE = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite name="&a;"/>"""


def test_what_pytest_writes() -> None:
    found = read_reports([("junit.xml", PYTEST)])
    assert found == TestCounts(
        3, 1, 1, 0.5, (FailedTest("tests.test_a / test_bad", "assert 1 == 2", "tests/test_a.py", 12),)
    )
    assert counted(found) == "3 tests, 1 failed, 1 skipped"


def test_suites_in_suites_are_counted_once_and_places_are_the_repositorys() -> None:
    found = read_reports([("a.xml", NESTED), ("b.xml", PYTEST)])
    assert (found.total, found.failed) == (5, 2)
    assert found.failures[0] == FailedTest("a", "boom\nat x", "src/a.js", 3)


@pytest.mark.parametrize("file", ["../../etc/passwd", "/etc/passwd", "a\\b", "a\x7fb", ""])
def test_a_place_elsewhere_is_none(file: str) -> None:
    text = f'<testsuite><testcase name="a" file="{file}" line="3"><failure/></testcase></testsuite>'
    (failure,) = read_reports([("a.xml", text.encode())]).failures
    assert (failure.file, failure.line) == ("", 0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (BOMB, "declares a document type or entities"),
        (OUTSIDE, "declares a document type or entities"),
        (b"<html/>", "neither testsuites nor testsuite"),
        (b"<testsuite>", "no element found"),
        (b"", "no element found"),
        (b"\xff\xfe\x00", ""),
        (b"<testsuite>" * 20_000 + b"</testsuite>" * 20_000, "nested deeper than 100 levels"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_counts(content: bytes, told: str) -> None:
    found = read_reports([("bad.xml", content), ("junit.xml", PYTEST)])
    assert found.total == 3
    (note,) = found.notes
    assert note.startswith("bad.xml is no JUnit report that can be read: ")
    assert told in note


def test_much_is_cut() -> None:
    bad = '<testcase name="{0}"><failure message="{0}"/></testcase>'.format("x" * 5000)
    found = read_reports([("a.xml", f"<testsuite>{bad * 60}</testsuite>".encode())])
    assert (found.total, found.failed, len(found.failures)) == (60, 60, MOST_FAILURES)
    assert len(found.failures[0].name) <= 300
    assert len(found.failures[0].message) <= 1000


@given(st.binary(max_size=200))
def test_no_bytes_break_it(content: bytes) -> None:
    read_reports([("a.xml", content), ("b.xml", b"<testsuite>" + content + b"</testsuite>")])


@given(
    st.sampled_from(["time", "line", "file", "name", "classname"]),
    st.text(st.characters(codec="ascii", exclude_characters='<&"', min_codepoint=32), max_size=20),
)
def test_no_attribute_breaks_it(name: str, value: str) -> None:
    text = f'<testsuite {name}="{value}"><testcase {name}="{value}"><error {name}="{value}"/></testcase></testsuite>'
    assert read_reports([("a.xml", text.encode())]).failed == 1
