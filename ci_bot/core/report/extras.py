"""Caches, tests, coverage and artifacts of a job → blocks of its check, and remarks on the lines of failing tests."""

from __future__ import annotations

from typing import Final

from ci_bot.core.cobertura import covered
from ci_bot.core.extra_words import artifact_words, cache_line
from ci_bot.core.extras import FailedTest, TestCounts
from ci_bot.core.junit import counted
from ci_bot.core.markdown import clip, code, defused, escaped, link, one_line, table, title
from ci_bot.core.model import JobRun
from ci_bot.core.report.values import Annotation

MOST_TESTS: Final = 20  # in the table
MESSAGE: Final = 300


def extra_blocks(job: JobRun, url: str) -> list[str]:
    """`url` leads to the job's log page."""
    extras = job.extras
    blocks = test_blocks(job)
    if extras.coverage is not None:
        blocks.append(f"Coverage: {covered(extras.coverage)}" + _notes(extras.coverage.notes))
    if extras.artifacts is not None:
        words = escaped(artifact_words(extras.artifacts))
        shown = link(words, artifacts_url(url)) if extras.artifacts.files and url else words
        blocks.append(f"Artifacts: {shown}" + _notes(extras.artifacts.notes))
    for use in extras.caches:
        line = cache_line(use, job)
        blocks.append(escaped(line[0].upper() + line[1:]))
    return blocks


def test_blocks(job: JobRun) -> list[str]:
    """Which tests failed."""
    tests = job.extras.tests
    return _tests(tests) if tests is not None else []


def artifacts_url(url: str) -> str:
    """The download beside a job's page; the same key opens it."""
    page, mark, query = url.partition("?")
    return f"{page}/artifacts{mark}{query}"


def remarks_of_tests(job: JobRun) -> list[Annotation]:
    """Of failing tests whose place is known."""
    tests = job.extras.tests
    return [_remark(test) for test in (tests.failures if tests else ()) if test.file and test.line]


def _tests(tests: TestCounts) -> list[str]:
    if not tests.total:
        return [f"Tests{_notes(tests.notes)}"] if tests.notes else []
    head = f"**{escaped(counted(tests))}**" + _notes(tests.notes)
    if not tests.failures:
        return [head]
    rows = [(code(test.name), _where(test), _message(test)) for test in tests.failures[:MOST_TESTS]]
    rest = tests.failed - len(rows)
    more = [f"{rest} more failed."] if rest > 0 else []
    return [head, table(("Failing test", "Where", "Message"), rows), *more]


def _where(test: FailedTest) -> str:
    return code(f"{test.file}:{test.line}") if test.file else ""


def _message(test: FailedTest) -> str:
    return escaped(clip(one_line(test.message), MESSAGE))


def _notes(notes: tuple[str, ...]) -> str:
    return "".join(f"; {escaped(note)}" for note in notes)


def _remark(test: FailedTest) -> Annotation:
    return Annotation(
        path=one_line(test.file),
        line=test.line,
        title=title(test.name),
        message=clip(defused(one_line(test.message)), 2000) or "failed",
    )
