"""What a person is told about each mistake in a job or a step, word for word."""

from __future__ import annotations

import pytest

from ci_bot.core.pipeline import Limits
from ci_bot.core.pipeline.keys import JOB, STEP
from tests.core.pipeline.examples import complaints, job, step

#: The file, and what a person is told about it.
CASES: list[tuple[str, list[str]]] = [
    (
        "jobs:\n  -x: {steps: [a]}\n  my job: {steps: [a]}\n  " + "x" * 64 + ": {steps: [a]}\n",
        [
            '2:3: jobs.-x: "-x" cannot be the id of a job; up to 63 letters, digits, _, . and -; a letter or a digit first',
            '3:3: jobs."my job": "my job" cannot be the id of a job; up to 63 letters, digits, _, . and -; a letter or a digit first',
            '4:3: jobs."xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" cannot be the id of a job; up to 63 letters, digits, _, . and -; a letter or a digit first',
        ],
    ),
    (
        "jobs:\n  build: {steps: [a]}\n  Build: {steps: [a]}\n",
        ['3:3: jobs.Build: "Build" differs from "build" on line 2 only in case; rename one of them'],
    ),
    (
        "jobs:\n  build: make\n",
        ['2:10: jobs.build: must be a map, not text; write "key: value" lines under it'],
    ),
    (
        "jobs:\n  build:\n",
        ["2:3: jobs.build: has no value; it must be a map; give it one, or remove it"],
    ),
    ("jobs:\n  - build\n", ['2:3: jobs: must be a map, not a list; write "key: value" lines under it']),
    (
        "jobs:\n  build:\n    image: alpine\n",
        ['2:3: jobs.build: "steps" is missing; write at least one, like "- make test"'],
    ),
    (
        "jobs:\n  build:\n    steps: []\n",
        ['3:5: jobs.build.steps: there are no steps; write at least one, like "- make test"'],
    ),
    (
        "jobs:\n  build:\n    steps:\n",
        ['3:5: jobs.build.steps: there are no steps; write at least one, like "- make test"'],
    ),
    (
        "jobs:\n  build:\n    steps: make\n",
        ['3:12: jobs.build.steps: must be a list, not text; begin each item with "- "'],
    ),
    (job("run: make"), ['4:5: jobs.build.run: unknown key "run"; it belongs in a step']),
    (job("need: a"), ['4:5: jobs.build.need: unknown key "need"; did you mean "needs"?']),
    (
        job("depends_on: a"),
        ['4:5: jobs.build.depends_on: unknown key "depends_on"; did you mean "needs"?'],
    ),
    (
        job("platform: linux/amd64"),
        ['4:5: jobs.build.platform: "platform" is not supported by this version yet'],
    ),
    (
        job("include: [a]"),
        ['4:5: jobs.build.include: unknown key "include"; it belongs at the top of the file'],
    ),
    (
        job("timeout: 30"),
        ['4:14: jobs.build.timeout: "30" is not a duration; write it like "90s", "30m" or "2h"'],
    ),
    (
        job("timeout: 0m"),
        ['4:14: jobs.build.timeout: must be more than 0; write it like "90s", "30m" or "2h"'],
    ),
    (job("timeout: 7h"), ["4:14: jobs.build.timeout: 7h is more than the 6h that this server allows"]),
    (
        job("timeout: 1h30m"),
        ['4:14: jobs.build.timeout: "1h30m" is not a duration; write it like "90s", "30m" or "2h"'],
    ),
    (job("timeout: [1h]"), ["4:14: jobs.build.timeout: must be text, not a list"]),
    (
        job("timeout: " + "9" * 5000 + "h"),
        [
            '4:14: jobs.build.timeout: "99999999999999999999999999999999999999999999999999999999999…" is not a duration; write it like "90s", "30m" or "2h"'
        ],
    ),
    (job("needs: biuld"), ['4:12: jobs.build.needs: there is no job "biuld"; did you mean "build"?']),
    (job("needs: zzz"), ['4:12: jobs.build.needs: there is no job "zzz"; name a job of this file']),
    (job("needs: [build]"), ["4:13: jobs.build.needs[0]: a job cannot need itself; remove it"]),
    (
        job("needs: [{job: x, optional: true}]"),
        ['4:19: jobs.build.needs[0]: there is no job "x"; name a job of this file'],
    ),
    (
        job("needs: [{optional: true}]"),
        ['4:13: jobs.build.needs[0]: "job" is missing; name the job that is needed'],
    ),
    (
        job("needs:"),
        ["4:5: jobs.build.needs: has no value; it must be a list; give it one, or remove it"],
    ),
    (
        job("needs: {job: x, optional: true}"),
        ['4:18: jobs.build.needs: there is no job "x"; name a job of this file'],
    ),
    (
        "jobs:\n  a: {steps: [x]}\n  b: {steps: [x], needs: [a, a]}\n",
        ['3:30: jobs.b.needs[1]: "a" is named twice; name it once'],
    ),
    (
        "jobs:\n  build: {steps: [x], needs: test}\n  test: {steps: [x], needs: [lint, build]}\n  lint: {steps: [x]}\n  after: {steps: [x], needs: test}\n",
        [
            "2:30: jobs.build.needs: jobs need each other in a circle: build → test → build; remove one of these needs"
        ],
    ),
    (
        "jobs:\n  a: {steps: [x], needs: b}\n  b: {steps: [x], needs: [a]}\n  c: {steps: [x], needs: [a, d]}\n  d: {steps: [x], needs: c}\n",
        [
            "2:26: jobs.a.needs: jobs need each other in a circle: a → b → a; remove one of these needs",
            "4:30: jobs.c.needs[1]: jobs need each other in a circle: c → d → c; remove one of these needs",
        ],
    ),
    (
        "jobs:\n  a: {steps: []}\n  b: {steps: [x], needs: a}\n",
        ['2:7: jobs.a.steps: there are no steps; write at least one, like "- make test"'],
    ),
    (
        step("colour: red"),
        [
            f'5:9: jobs.build.steps[0].colour: unknown key "colour"; known in a step: {", ".join(STEP.works)}'
        ],
    ),
    (
        step("worksdir: x"),
        ['5:9: jobs.build.steps[0].worksdir: unknown key "worksdir"; did you mean "workdir"?'],
    ),
    (step("script: x"), ['5:9: jobs.build.steps[0].script: unknown key "script"; did you mean "run"?']),
    (step("if: failure()"), []),
    (
        step("if: !draft"),
        [
            '5:13: jobs.build.steps[0].if: YAML tag "!draft" is not supported; a condition that begins with "!" must be quoted: if: \'!draft …\''
        ],
    ),
    (
        step("if: 'true && evnt == \"push\"'"),
        ['5:22: jobs.build.steps[0].if: unknown name "evnt"; did you mean "event"?'],
    ),
    (
        step("if: |\n          true\n            && brnch == 'main'"),
        ['7:16: jobs.build.steps[0].if: unknown name "brnch"; did you mean "branch"?'],
    ),
    (
        step("if: >\n          true\n          && brnch == 'main'"),
        ['7:14: jobs.build.steps[0].if: unknown name "brnch"; did you mean "branch"?'],
    ),
    (
        step("if: ''"),
        ["5:13: jobs.build.steps[0].if: the condition is empty; remove it, or write true"],
    ),
    (step("if: [a]"), ["5:13: jobs.build.steps[0].if: must be text, not a list"]),
    (job("if: false"), []),
    (
        job('if: needs["test"].result == "success"'),
        ['4:22: jobs.build.if: this job does not need "test"; write "needs: test" into the job first'],
    ),
    (
        job('if: inputs.level == "high"'),
        [
            '4:15: jobs.build.if: there is no input "level"; there is no input under "on: manual: inputs"'
        ],
    ),
    (
        job("if: branch"),
        [
            '4:9: jobs.build.if: a condition must be true or false; this is text; compare it: branch == "main"'
        ],
    ),
    (step("needs: x"), ['5:9: jobs.build.steps[0].needs: unknown key "needs"; it belongs in a job']),
    (
        step("workdir: /src"),
        [
            '5:18: jobs.build.steps[0].workdir: "/src" is an absolute path; write it relative to the workspace, like "src"'
        ],
    ),
    (
        step("workdir: a/../../b"),
        [
            '5:18: jobs.build.steps[0].workdir: "a/../../b" leaves the workspace; name a directory inside it'
        ],
    ),
    (
        step("workdir: ''"),
        [
            '5:18: jobs.build.steps[0].workdir: must not be empty; leave it out, or write "." for the workspace'
        ],
    ),
    (
        step('workdir: "a\\0"'),
        ["5:18: jobs.build.steps[0].workdir: must not contain control characters"],
    ),
    (step("workdir: " + "a/" * 600), ["5:18: jobs.build.steps[0].workdir: is longer than 1024 bytes"]),
    (
        step("continue-on-error: yes"),
        [
            '5:28: jobs.build.steps[0].continue-on-error: must be true or false, not "yes"; write it without quotes'
        ],
    ),
    (
        step("continue-on-error: 'true'"),
        [
            '5:28: jobs.build.steps[0].continue-on-error: must be true or false, not "true"; write it without quotes'
        ],
    ),
    (
        step("continue-on-error: [true]"),
        ["5:28: jobs.build.steps[0].continue-on-error: must be true or false, not a list"],
    ),
    (
        step("continue-on-error:"),
        [
            "5:9: jobs.build.steps[0].continue-on-error: has no value; it must be true or false; give it one, or remove it"
        ],
    ),
    (
        step("env: {CI_X: 1}"),
        [
            '5:15: jobs.build.steps[0].env.CI_X: "CI_X" is set by ci-bot; choose a name that does not begin with CI_'
        ],
    ),
    (
        step("timeout: soon"),
        [
            '5:18: jobs.build.steps[0].timeout: "soon" is not a duration; write it like "90s", "30m" or "2h"'
        ],
    ),
    (
        step("image: A"),
        [
            '5:16: jobs.build.steps[0].image: "A" is not an image: the name must be in lower case; write "a"'
        ],
    ),
    (
        step('name: "\\t"'),
        ["5:15: jobs.build.steps[0].name: must not contain U+0009; remove the invisible character"],
    ),
    (
        "jobs:\n  build:\n    steps:\n      - name: x\n",
        ['4:9: jobs.build.steps[0]: "run" is missing; write the commands of the step under "run:"'],
    ),
    (
        "jobs:\n  build:\n    steps:\n      - script: make\n",
        ['4:9: jobs.build.steps[0].script: unknown key "script"; did you mean "run"?'],
    ),
    (
        "jobs:\n  build:\n    steps:\n      -\n",
        ["4:8: jobs.build.steps[0]: has no value; it must be text; give it one, or remove it"],
    ),
    (
        "jobs:\n  build:\n    steps:\n      - [make]\n",
        ['4:9: jobs.build.steps[0]: must be a map, not a list; write "key: value" lines under it'],
    ),
    (
        "jobs:\n  build:\n    steps:\n      - echo done: yes\n",
        [
            '4:9: jobs.build.steps[0]."echo done": unknown key "echo done"; if this is a command, quote the whole line: ": " makes it a map'
        ],
    ),
    (
        "jobs: {build: {steps: [{run: ''}, ' ', {run: }, {run: [a]}]}}\n",
        [
            "1:30: jobs.build.steps[0].run: the script is empty; write at least one command",
            "1:35: jobs.build.steps[1]: the script is empty; write at least one command",
            "1:41: jobs.build.steps[2].run: has no value; it must be text; give it one, or remove it",
            "1:55: jobs.build.steps[3].run: must be text, not a list",
        ],
    ),
    (
        'jobs: {build: {steps: ["a\\0"]}}\n',
        ['1:24: jobs.build.steps[0]: the script contains a NUL character; remove the "\\0"'],
    ),
    (
        "jobs: {build: {steps: [" + "x" * 65537 + "]}}\n",
        [
            "1:24: jobs.build.steps[0]: the script has 65 KiB; at most 64 KiB are allowed; move it into a file of the repository"
        ],
    ),
    (
        "jobs: {build: {steps: [" + "a," * 101 + "]}}\n",
        [
            "1:16: jobs.build.steps: 101 steps; a job has at most 100; put several commands into one step, or split the job"
        ],
    ),
]


@pytest.mark.parametrize(("text", "told"), CASES, ids=[text[:40] for text, _ in CASES])
def test_each_mistake_is_told_in_words(text: str, told: list[str]) -> None:
    assert complaints(text) == told


@pytest.mark.parametrize("key", JOB.later)
def test_keys_of_a_job_that_come_later(key: str) -> None:
    told = f'4:5: jobs.build.{key}: "{key}" is not supported by this version yet'
    assert complaints(job(f"{key}: x")) == [told]


@pytest.mark.parametrize("key", STEP.later)
def test_keys_of_a_step_that_come_later(key: str) -> None:
    told = f'5:9: jobs.build.steps[0].{key}: "{key}" is not supported by this version yet'
    assert complaints(step(f"{key}: x")) == [told]


@pytest.mark.parametrize(
    ("limits", "text", "told"),
    [
        (
            Limits(max_timeout=1800),
            job("timeout: 31m"),
            "4:14: jobs.build.timeout: 31m is more than the 30m",
        ),
        (
            Limits(max_timeout=90),
            job("timeout: 2m"),
            "4:14: jobs.build.timeout: 2m is more than the 90s",
        ),
        (
            Limits(jobs=1),
            "jobs: {a: {steps: [x]}, b: {steps: [x]}}",
            "1:1: jobs: 2 jobs; a file has at most 1",
        ),
        (
            Limits(steps=1),
            "jobs: {a: {steps: [x, y]}}",
            "1:12: jobs.a.steps: 2 steps; a job has at most 1",
        ),
        (
            Limits(script=9),
            "jobs: {a: {steps: [éééé é]}}",
            "1:20: jobs.a.steps[0]: the script has 11 bytes",
        ),
        (
            Limits(script=3),
            "jobs: {a: {env: {A: long}, steps: [x]}}",
            "1:21: jobs.a.env.A: the value has 4 bytes; at most 3",
        ),
    ],
)
def test_limits_can_be_set(limits: Limits, text: str, told: str) -> None:
    assert [line[: len(told)] for line in complaints(text, limits)][:1] == [told]
