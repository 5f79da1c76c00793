"""`artifacts`."""

from __future__ import annotations

import pytest

from ci_bot.core.planned import Artifacts
from tests.core.pipeline.examples import complaints, job, read_text

A = "jobs.build.artifacts"


def artifacts(written: str) -> Artifacts | None:
    found = read_text(job(f"artifacts: {written}")).pipeline
    assert found
    return found.jobs[0].artifacts


def test_one_glob_or_many_and_all_that_may_be_said() -> None:
    assert artifacts("{paths: dist}") == Artifacts(("dist",))
    assert artifacts(
        "{paths: [dist/**, '!**/*.map'], when: always, expire: 12h, reports: {junit: [a.xml, b/*.xml]}}"
    ) == Artifacts(("dist/**", "!**/*.map"), True, 12 * 3600, ("a.xml", "b/*.xml"))
    assert artifacts("{reports: {junit: x.xml}}") == Artifacts(junit=("x.xml",))
    assert artifacts("{reports: {coverage: '**/c.xml'}}") == Artifacts(coverage=("**/c.xml",))
    assert artifacts("{reports: {junit: x.xml, coverage: [a.xml, b.xml]}}") == Artifacts(
        junit=("x.xml",), coverage=("a.xml", "b.xml")
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("dist", f'4:16: {A}: must be a map, not text; write "key: value" lines under it'),
        ("{}", f'4:5: {A}: "paths" is missing; name what is kept, like paths: ["dist/**"]'),
        ("{path: dist}", f'4:17: {A}.path: unknown key "path"; did you mean "paths"?'),
        ("{paths: []}", f'4:17: {A}.paths: names no files; write at least one, like "dist/**"'),
        ("{paths: [/tmp/x]}", f'4:25: {A}.paths[0]: "/tmp/x" is not inside the workspace; write it relative to that, like dist/**'),
        ("{paths: a/../../b}", f'4:24: {A}.paths: "a/../../b" leaves the workspace by ".."; name files inside it'),
        ("{paths: ['!x']}", f'4:17: {A}.paths: takes away alone; name something first that is kept, like "dist/**"'),
        ("{paths: x, when: failure}", f'4:33: {A}.when: "failure" is not a time to keep them; write success or always'),
        ("{paths: x, expire: 90s}", f'4:35: {A}.expire: "90s" is not how long they are kept; write it like "12h" or "30d"'),
        ("{paths: x, expire: 400d}", f"4:35: {A}.expire: 400d is more than the 365d that artifacts are kept at most"),
        ("{reports: {tests: x}}", f'4:27: {A}.reports.tests: unknown key "tests"; did you mean "junit"?'),
        ("{reports: {cobertura: x}}", f'4:27: {A}.reports.cobertura: unknown key "cobertura"; did you mean "coverage"?'),
        ("{reports: {coverage: []}}", f'4:27: {A}.reports.coverage: names no files; write at least one, like "dist/**"'),
        ("{reports: {}}", f'4:17: {A}.reports: "junit" is missing; name reports, like junit: "**/junit.xml" or coverage: "**/coverage.xml"'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(written: str, told: str) -> None:
    assert complaints(job(f"artifacts: {written}")) == [told]
