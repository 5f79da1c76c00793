"""JUnit reports of a job → how many tests there were, and the first that failed. Pure; the XML may be hostile.

There is no standard; this is what pytest, Maven, Gradle, Jest, Go and their like write:
https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from ci_bot.core.extras import FailedTest, TestCounts
from ci_bot.core.markdown import clip
from ci_bot.core.words import count

MOST_FAILURES: Final = 50  # as many as a check takes annotations
MOST_MESSAGE: Final = 1000
MOST_NAME: Final = 300
MOST_DEPTH: Final = 100
MOST_NOTES: Final = 10

_PLACE: Final = re.compile(r"^([A-Za-z0-9_][\w./+-]{0,200}\.\w{1,8}):(\d{1,7})\b", re.MULTILINE)
_WORKSPACE: Final = "/workspace/"


def read_reports(reports: Iterable[tuple[str, bytes]]) -> TestCounts:
    """`reports` are names and contents. What cannot be read is told in `notes`, and fails nothing."""
    cases: list[TestCase] = []
    notes: list[str] = []
    for name, content in reports:
        try:
            cases += _cases(content)
        except (DefusedXmlException, ParseError, ValueError, LookupError, RecursionError) as error:
            notes.append(f"{name} is no JUnit report that can be read: {_why(error)}")
    failed = [case for case in cases if _bad(case) is not None]
    return TestCounts(
        total=len(cases),
        failed=len(failed),
        skipped=sum(1 for case in cases if _bad(case) is None and _is_skipped(case)),
        seconds=round(sum(_seconds(case) for case in cases), 3),
        failures=tuple(_failure(case) for case in failed[:MOST_FAILURES]),
        notes=tuple(notes[:MOST_NOTES]),
    )


def counted(tests: TestCounts) -> str:
    """ "12 tests, 1 failed, 2 skipped"."""
    parts = [count(tests.total, "test")]
    parts += [f"{tests.failed} failed"] if tests.failed else []
    parts += [f"{tests.skipped} skipped"] if tests.skipped else []
    return ", ".join(parts)


def _cases(content: bytes) -> Iterator[TestCase]:
    root = ElementTree.fromstring(content, forbid_dtd=True)
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError("its root is neither testsuites nor testsuite")
    _check_depth(root)
    for suite in JUnitXml.fromroot(root):
        yield from suite  # and what is in suites in it


def _check_depth(root: Element) -> None:
    """Suites are walked by recursion later."""
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        if depth > MOST_DEPTH:
            raise ValueError(f"it is nested deeper than {MOST_DEPTH} levels")
        waiting += [(inner, depth + 1) for inner in element]


def _why(error: Exception) -> str:
    if isinstance(error, DefusedXmlException):
        return "it declares a document type or entities, which are not read"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return clip(" ".join(str(error).split()), 200)


def _bad(case: TestCase) -> Failure | Error | None:
    return next((each for each in case.result if isinstance(each, Failure | Error)), None)


def _is_skipped(case: TestCase) -> bool:
    return any(isinstance(each, Skipped) for each in case.result)


def _seconds(case: TestCase) -> float:
    try:
        seconds = float(case.time or 0.0)
    except (TypeError, ValueError):
        return 0.0
    return seconds if 0.0 <= seconds < 1e9 else 0.0


def _failure(case: TestCase) -> FailedTest:
    bad = _bad(case)
    text = (bad.text if bad is not None else "") or ""
    said = ((bad.message if bad is not None else "") or text).strip()
    file, line = _place(case, text)
    parts: Sequence[str] = [part for part in (case.classname, case.name) if part]
    return FailedTest(
        name=clip(" ".join(" / ".join(parts).split()), MOST_NAME) or "a test without a name",
        message=clip(said, MOST_MESSAGE),
        file=file,
        line=line,
    )


def _place(case: TestCase, text: str) -> tuple[str, int]:
    """As attributes where the tool writes them, else the last "file.py:12" that begins a line of the text."""
    file = _inside(str(case._elem.get("file") or ""))  # noqa: SLF001 - attributes of some tools alone
    line = str(case._elem.get("line") or "")  # noqa: SLF001
    if file and line.isascii() and line.isdigit() and len(line) < 8:
        return file, max(1, int(line))
    found = _PLACE.findall(text)
    if found and (named := _inside(found[-1][0])):
        return named, max(1, int(found[-1][1]))
    return file, 1 if file else 0


def _inside(file: str) -> str:
    """Relative to the repository, "" for what is elsewhere."""
    path = file.removeprefix(_WORKSPACE).removeprefix("./")
    is_good = path.isprintable() and 0 < len(path) < 500 and "\\" not in path
    return path if is_good and not path.startswith("/") and ".." not in path.split("/") else ""
