"""What a person is told about each mistake at the top of a file, word for word."""

from __future__ import annotations

import pytest

from ci_bot.core.pipeline import read
from ci_bot.core.pipeline.keys import TOP
from tests.core.pipeline.examples import JOBS, complaints, top

#: The file, and what a person is told about it.
CASES: list[tuple[str, list[str]]] = [
    ("", ["1:1: the file says nothing; the least there can be is jobs: {build: {steps: [make test]}}"]),
    (
        "# nothing\n",
        ["1:1: the file says nothing; the least there can be is jobs: {build: {steps: [make test]}}"],
    ),
    (
        "jobs: {}\n",
        ["1:1: jobs: there are no jobs; the least there can be is jobs: {build: {steps: [make test]}}"],
    ),
    (
        "jobs:\n",
        ["1:1: jobs: there are no jobs; the least there can be is jobs: {build: {steps: [make test]}}"],
    ),
    (
        "name: x\n",
        ['1:1: "jobs" is missing; the least there can be is jobs: {build: {steps: [make test]}}'],
    ),
    (
        "- make\n",
        [
            '1:1: the file must be a map with "jobs", not a list; the least there can be is jobs: {build: {steps: [make test]}}'
        ],
    ),
    (
        "make\n",
        [
            '1:1: the file must be a map with "jobs", not text; the least there can be is jobs: {build: {steps: [make test]}}'
        ],
    ),
    (
        "steps: [make]\n",
        [
            '1:1: steps: unknown key "steps"; it belongs in a job',
            '1:1: "jobs" is missing; the least there can be is jobs: {build: {steps: [make test]}}',
        ],
    ),
    (
        "jobs:\n  build:\n    image: alpine\n\n    env: {A: b}\n    name: x\n    step: [make]\n",
        ['7:5: jobs.build.step: unknown key "step"; did you mean "steps"?'],
    ),
    (
        top("colour: red"),
        [f'1:1: colour: unknown key "colour"; known at the top of the file: {", ".join(TOP.works)}'],
    ),
    (top("nmae: x"), ['1:1: nmae: unknown key "nmae"; did you mean "name"?']),
    (top("stages: [a]"), ['1:1: stages: unknown key "stages"; did you mean "jobs"?']),
    (
        top("include: [/a.yaml]"),
        ['1:11: include[0]: "/a.yaml" leaves the repository; name a file in it, like "ci/test.yaml"'],
    ),
    (top("true: [push]"), ['1:1: true: unknown key "true"; did you mean "on"?']),
    (top("version: 2"), ['1:10: version: "2" is not a version of this language; write "version: 1"']),
    (top("version: [1]"), ["1:10: version: must be text, not a list"]),
    (top('name: " "'), ["1:7: name: must not be empty"]),
    (top('name: "a\\nb"'), ["1:7: name: must be one line"]),
    (top('name: "a\\eb"'), ["1:7: name: must not contain U+001B; remove the invisible character"]),
    (top('name: "a\\u202eb"'), ["1:7: name: must not contain U+202E; remove the invisible character"]),
    (
        top("name: " + "x" * 201),
        ["1:7: name: is 201 characters long; at most 200 are shown; shorten it"],
    ),
    (top("name:"), ["1:1: name: has no value; it must be text; give it one, or remove it"]),
    (top("name: {a: b}"), ["1:7: name: must be text, not a map"]),
    (top("on: pusch"), ['1:5: on: unknown event "pusch"; did you mean "push"?']),
    (
        top("on: [push, deploy]"),
        [
            '1:12: on[1]: unknown event "deploy"; there are push, pull_request, tag, merge_group, schedule, manual'
        ],
    ),
    (
        top("on: merge_request"),
        ['1:5: on: unknown event "merge_request"; did you mean "pull_request"?'],
    ),
    (
        top("on:\n  push:\n    branchez: [main]"),
        ['3:5: on.push.branchez: unknown key "branchez"; did you mean "branches"?'],
    ),
    (top("on: {pusch: }"), ['1:6: on.pusch: unknown event "pusch"; did you mean "push"?']),
    (
        top("on: {}"),
        [
            "1:5: on: names no event, so nothing would ever run; name some of push, pull_request, tag, merge_group, schedule, manual"
        ],
    ),
    (
        top("on: {push: {branch: main}}"),
        ['1:13: on.push.branch: unknown key "branch"; did you mean "branches"?'],
    ),
    (
        top("on: {push: main}"),
        ['1:12: on.push: must be a map, not text; write "key: value" lines under it'],
    ),
    (
        top("on: {manual: {parameters: {}}}"),
        ['1:15: on.manual.parameters: unknown key "parameters"; did you mean "inputs"?'],
    ),
    (
        top("on: {manual: {inputs: [a]}}"),
        ['1:23: on.manual.inputs: must be a map, not a list; write "key: value" lines under it'],
    ),
    (
        top("on: {manual: {inputs: {a b: }}}"),
        [
            '1:24: on.manual.inputs."a b": "a b" cannot be the name of an input; up to 63 letters, digits, _ and -; a letter or _ first'
        ],
    ),
    (
        top("on: {manual: {inputs: {a: {choices: [b]}}}}"),
        ['1:28: on.manual.inputs.a.choices: unknown key "choices"; did you mean "options"?'],
    ),
    (
        top("on: {manual: {inputs: {a: {options: []}}}}"),
        [
            "1:37: on.manual.inputs.a.options: there are no options, so no value would do; list some, or remove it"
        ],
    ),
    (
        top("on: {manual: {inputs: {a: {default: c, options: [b, d]}}}}"),
        ['1:37: on.manual.inputs.a.default: "c" is not among the options; it is one of b, d'],
    ),
    (
        top('on: {manual: {inputs: {a: {default: "b\\nc"}}}}'),
        [
            "1:37: on.manual.inputs.a.default: a value is one line of at most 255 bytes, all of it visible"
        ],
    ),
    (
        top("on: {manual: {inputs: {" + ", ".join(f"i{n}: " for n in range(26)) + "}}}"),
        ["1:15: on.manual.inputs: 26 inputs; there are at most 25"],
    ),
    (
        top("env: {A: '${{ inputs.target }}'}"),
        ['1:10: env.A: there is no input "target"; declare it: on: {manual: {inputs: {target: }}}'],
    ),
    (
        top("env: {A: '${{ inputs.tagret }}'}\non: {manual: {inputs: {target: }}}"),
        ['1:10: env.A: there is no input "tagret"; did you mean "target"?'],
    ),
    (
        top("env: {A: '${{ github.sha }}'}"),
        [
            '1:10: env.A: "${{ github.sha }}" means nothing here; in env, ${{ inputs.NAME }} stands for an input and ${{ matrix.NAME }} for a value of the job\'s matrix; what happened is in CI_… variables'
        ],
    ),
    (
        top("env: {A: '${{ inputs.a'}"),
        [
            '1:10: env.A: "${{" is not closed, or holds braces; in env, ${{ inputs.NAME }} stands for an input and ${{ matrix.NAME }} for a value of the job\'s matrix; what happened is in CI_… variables'
        ],
    ),
    (
        "on: {manual: {inputs: {a: }}}\njobs: {build: {steps: ['echo ${{ inputs.a }}']}}\n",
        [
            '2:24: jobs.build.steps[0]: "${{ inputs.a }}" does not work in a script; set a variable by env to it, and use that: a script is never changed by what people enter'
        ],
    ),
    (
        "on:\njobs: {build: {env: {A: '${{ inputs.a }}'}, steps: [make]}}\n",
        ["1:1: on: has no value; it must be a list; give it one, or remove it"],
    ),
    (
        top("on: []"),
        [
            "1:5: on: names no event, so nothing would ever run; name some of push, pull_request, tag, merge_group, schedule, manual"
        ],
    ),
    (top("on:"), ["1:1: on: has no value; it must be a list; give it one, or remove it"]),
    (top("on: [[push]]"), ["1:6: on[0]: must be text, not a list"]),
    (top("env: [A]"), ['1:6: env: must be a map, not a list; write "key: value" lines under it']),
    (
        top("env: {2A: b}"),
        [
            '1:7: env.2A: "2A" is not the name of a variable; letters, digits and _ make a name, and no digit begins it'
        ],
    ),
    (
        top("env: {a-b: c}"),
        [
            '1:7: env.a-b: "a-b" is not the name of a variable; letters, digits and _ make a name, and no digit begins it'
        ],
    ),
    (
        top("env: {CI: 'true'}"),
        ['1:7: env.CI: "CI" is set by ci-bot; choose a name that does not begin with CI_'],
    ),
    (
        top("env: {CI_SHA: x}"),
        ['1:7: env.CI_SHA: "CI_SHA" is set by ci-bot; choose a name that does not begin with CI_'],
    ),
    (top("env: {A: }"), ['1:7: env.A: has no value; write "" for an empty one']),
    (
        top("env: {A: {sealed: xx}}"),
        ["1:19: env.A.sealed: this is not a sealed string; make one: ci-bot secret seal NAME --repo …"],
    ),
    (
        top("env: {A: {b: c}}"),
        ['1:10: env.A: must be text or a secret; write {secret: NAME} or {sealed: "ci-bot.1…"}'],
    ),
    (
        top("env: {A: {secret: T, sealed: S}}"),
        ['1:10: env.A: must be text or a secret; write {secret: NAME} or {sealed: "ci-bot.1…"}'],
    ),
    (
        top("env: {A: {secret: }}"),
        ["1:11: env.A.secret: has no value; it must be text; give it one, or remove it"],
    ),
    (top('env: {A: "x\\0y"}'), ['1:10: env.A: the value contains a NUL character; remove the "\\0"']),
    (top("env:"), ["1:1: env: has no value; it must be a map; give it one, or remove it"]),
]


@pytest.mark.parametrize(("text", "told"), CASES, ids=[text[:40] for text, _ in CASES])
def test_each_mistake_is_told_in_words(text: str, told: list[str]) -> None:
    assert complaints(text) == told


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        "on: pusch\nimage: Go\njobs:\n  a: {needs: b, steps: [x]}\n  c:\n    image: Go\n    step: [x]\n"
    )
    assert complaints(text) == [
        '1:5: on: unknown event "pusch"; did you mean "push"?',
        '2:8: image: "Go" is not an image: the name must be in lower case; write "go"',
        '4:14: jobs.a.needs: there is no job "b"; name a job of this file',
        '6:12: jobs.c.image: "Go" is not an image: the name must be in lower case; write "go"',
        '7:5: jobs.c.step: unknown key "step"; did you mean "steps"?',
    ]


def test_beyond_a_hundred_the_rest_is_counted() -> None:
    told = complaints("".join(f"key{n:03}: x\n" for n in range(150)) + JOBS)
    assert len(told) == 101
    assert told[99].startswith("100:1: key099: unknown key")
    assert told[100] == "100:1: 50 more not shown; mend the ones above first"


def test_too_many_jobs() -> None:
    text = "jobs:\n" + "".join(f"  j{n}: {{steps: [x]}}\n" for n in range(257))
    assert complaints(text) == [
        "1:1: jobs: 257 jobs; a file has at most 256; put several steps into one job"
    ]


def test_problems_bear_the_name_of_the_file() -> None:
    reading = read(b"jobs: {}", file=".ci.yml", default_image="alpine")
    assert str(reading.problems[0]).startswith(".ci.yml:1:1: jobs: ")
