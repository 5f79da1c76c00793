"""`artifacts`: files that outlive a job, for the jobs that need it and for people; and its tools' reports."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.globbing import SCHEMA, globs
from ci_bot.core.pipeline.keys import ARTIFACTS, REPORTS
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, fields, text
from ci_bot.core.planned import Artifacts, Job

DAY: Final = 86_400
DEFAULT_EXPIRE: Final = 30 * DAY
LONGEST: Final = 365 * DAY
WHEN: Final = ("success", "always")

_EXPIRE: Final = re.compile(r"([0-9]{1,9})([mhd])")
_SECONDS: Final = {"m": 60, "h": 3600, "d": DAY}
_EXPIRE_HINT: Final = 'write it like "12h" or "30d"'
_REPORTS_HINT: Final = 'name reports, like junit: "**/junit.xml" or coverage: "**/coverage.xml"'

_EXAMPLE: Final = """\
jobs:
  build:
    steps:
      - mkdir -p dist && echo program > dist/program
      - printf '<testsuite><testcase name="adds"/></testsuite>' > junit.xml
      - printf '<coverage lines-covered="10" lines-valid="12"/>' > coverage.xml
    artifacts:
      paths: ["dist/**", "!dist/**/*.tmp"]
      expire: 7d
      reports: {junit: junit.xml, coverage: coverage.xml}
  test:
    needs: build
    steps:
      - cat dist/program
"""


def _artifacts(value: Value) -> Artifacts | None:
    found = fields(value, ARTIFACTS)
    if found is None:
        return None
    if "paths" not in found and "reports" not in found:
        found.require("paths", 'name what is kept, like paths: ["dist/**"]')
    junit, coverage = found.read("reports", _reports) or ((), ())
    return Artifacts(
        paths=found.read("paths", globs) or (),
        always=found.read("when", _is_always) or False,
        expire=found.read("expire", _expire) or DEFAULT_EXPIRE,
        junit=junit,
        coverage=coverage,
    )


def _is_always(value: Value) -> bool | None:
    written = text(value)
    if written is not None and written not in WHEN:
        value.wrong(f"{quoted(written)} is not a time to keep them", f"write {' or '.join(WHEN)}")
        return None
    return None if written is None else written == "always"


def _expire(value: Value) -> int | None:
    written = text(value)
    if written is None:
        return None
    found = _EXPIRE.fullmatch(written)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not found or not seconds:
        value.wrong(f"{quoted(written)} is not how long they are kept", _EXPIRE_HINT)
        return None
    if seconds > LONGEST:
        value.wrong(f"{written} is more than the {LONGEST // DAY}d that artifacts are kept at most")
        return None
    return seconds


def _reports(value: Value) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The globs of JUnit's, and those of Cobertura's."""
    found = fields(value, REPORTS)
    if found is None:
        return None
    if not (found.unknown or "junit" in found or "coverage" in found):
        found.require("junit", _REPORTS_HINT)
    return found.read("junit", globs) or (), found.read("coverage", globs) or ()


def _lower(job: Job, said: Said) -> Job:
    return replace(job, artifacts=said.get("artifacts"))


ARTIFACTS_FEATURE: Final = JobFeature(
    keys=(
        Key(
            name="artifacts",
            read=_artifacts,
            schema={
                "type": "object",
                "additionalProperties": False,
                "anyOf": [{"required": ["paths"]}, {"required": ["reports"]}],
                "properties": {
                    "paths": SCHEMA,
                    "when": {"enum": list(WHEN), "default": "success"},
                    "expire": {"type": "string", "pattern": f"^{_EXPIRE.pattern}$", "default": "30d"},
                    "reports": {
                        "type": "object",
                        "additionalProperties": False,
                        "anyOf": [{"required": ["junit"]}, {"required": ["coverage"]}],
                        "properties": {"junit": SCHEMA, "coverage": SCHEMA},
                    },
                },
            },
            about=(
                "`{paths, when, expire, reports}`: files of the workspace that are kept when the steps have "
                "ended (`when: always` also of a job that failed), by globs (`*`, `**`, `?`; a folder brings "
                "all that is in it, `!` takes away), for `expire` (`30d`). Jobs that need this one find them "
                "in their workspace; people find them in its check and with `ci-bot artifacts`. Symbolic "
                "links and special files are left out. A file with a secret of the run in it is not kept, and "
                "nothing beside it: the job fails and names the file. `reports: {junit: globs}` puts counts and failing "
                "tests into the check; `coverage: globs` in it the share of lines that tests covered, from reports "
                "in Cobertura's XML format (`coverage xml`, gcovr, c8, gocover-cobertura, cargo-llvm-cov), and into the "
                "commit status on GitLab. Several of these are added up by their lines, so let each line stand in one."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
