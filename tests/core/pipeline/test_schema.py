"""`ci-bot schema` and the reader say the same of a file, as far as a schema can say it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from jsonschema.exceptions import ValidationError

from ci_bot.core.model import Problem
from ci_bot.core.pipeline import Limits, json_schema, read
from ci_bot.core.pipeline.compose import Spent, compose
from ci_bot.core.pipeline.features import Key
from ci_bot.core.pipeline.levels import EVENT_LEVELS, LEVELS, Level
from ci_bot.core.pipeline.report import Report
from ci_bot.core.pipeline.tree import START, Items, Node, Pairs, Scalar
from ci_bot.core.pipeline.value import Scope, Value
from tests.core.pipeline.from_schema import FromSchema, mistaken

ROOT = Path(__file__).parents[3]
SCHEMA = json_schema()
PARTS = {"file": SCHEMA, "job": SCHEMA["$defs"]["job"], "step": SCHEMA["$defs"]["step"]["anyOf"][1]}
KEYS = [(level, key) for level in (*LEVELS, *EVENT_LEVELS) for key in level.keys]

#: What the reader refuses and no schema can: each is what the reader's words begin with, or say.
BEYOND = (
    r"there is no job|a job cannot need itself|jobs need each other|is named twice",  # who needs whom
    r"differs from .* only in case",
    r"is set by env as well",
    r"there is no input|means nothing |is not closed|does not work in a script",  # ${{ … }}
    r"is replaced in|is replaced here|there is no matrix",
    r"is not among the options|a value is one line of at most",
    r"is set by ci-bot|changes how programs start|a secret's name has",
    r"sealed string",
    r"is not an image",
    r"leaves the workspace|is an absolute path|must not contain control characters",
    r"this server allows",
    r"contains a NUL",
    r"is longer than|has at most|at most .* are allowed|take more than|must not contain U\+",
    r"^the pattern |has more than",
    r"leaves the repository|cannot be the name of a file here|is no file",  # include
    r"is not a whole number from|is not a number of|is too little",  # in quotes
    r"agrees with no cell|there is no .* in the matrix|there is no axis|no cell is left|takes nothing away",
    r"is a cell already|entries; there are at most|cells; there are|is reserved|have the same|in this axis",
    r"is replaced in a group",
    r"stands where the job's own engine is",
    r"is not the name of a branch|^has [0-9]+ field|^minute|^hour|^day |^month|is the same as the one on",
    r"characters long; at most",
    r"is not inside the workspace|names no file|does not name files|in a key only|has an invisible|takes away alone",
    r"is not the exit code of a failure",
    r"is not a version of this language",  # 1.0 is the number 1
)


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """As ECMA 262 reads `$`, which is what JSON Schema means: not before a line break at the end."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator: Any = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})
VALIDATOR = _Validator(SCHEMA)


def plain(node: Node) -> Any:
    """What an editor sees: YAML 1.2's core schema. https://yaml.org/spec/1.2.2/#103-core-schema"""
    if isinstance(node, Pairs):
        return {key.text: plain(value) for key, value in node.pairs}
    if isinstance(node, Items):
        return [plain(each) for each in node.nodes]
    assert isinstance(node, Scalar)
    if node.is_null:
        return None
    if node.as_bool is not None:
        return node.as_bool
    number = re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", node.text)
    if not node.plain or not number:
        return node.text
    return float(node.text) if set(".eE") & set(node.text) else int(node.text)


def loaded(text: str) -> Any:
    report = Report(".ci.yaml", text)
    root = compose(text, Limits(), report, Spent())
    assert root is not None
    assert not report.problems()
    return plain(root)


def is_valid(document: Any) -> bool:
    return bool(VALIDATOR.is_valid(document))


def is_beyond(problem: Problem) -> bool:
    if re.search(r"(^|\.)if$", problem.path):
        return True  # what an expression means
    return any(re.search(pattern, problem.message) for pattern in BEYOND)


def check(accepted: bool, problems: tuple[Problem, ...], shown: object) -> None:
    if not problems:
        assert accepted, f"the reader accepts it, the schema does not: {shown}"
    elif accepted:
        assert [str(p) for p in problems if not is_beyond(p)] == [], shown


# ── the schema ───────────────────────────────────────────────────────────────────────────────


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMA["$id"]
    assert SCHEMA["title"]


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_every_key_that_works_is_described_once(level: Level) -> None:
    assert sorted(key.name for key in level.keys) == sorted(level.names.works)
    part = PARTS[level.name]
    assert list(part["properties"]) == [key.name for key in level.keys]
    assert part["additionalProperties"] is False
    for key in level.keys:
        assert key.schema
        assert key.about
        assert key.example
        assert part["properties"][key.name]["description"]


@pytest.mark.parametrize(("level", "key"), KEYS, ids=lambda each: each.name)
def test_it_accepts_the_example_of_every_key(level: Level, key: Key) -> None:
    document = loaded(key.example)
    VALIDATOR.validate(document)
    assert key.name in json.dumps(document)


@pytest.mark.parametrize(
    "file", [*ROOT.glob("examples/*/.ci.yaml"), *ROOT.glob(".ci.yaml")], ids=lambda f: f.parent.name
)
def test_it_accepts_whole_files_as_an_editor_loads_them(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if read(text.encode(), default_image="alpine").pipeline:  # else it needs keys that come later
        VALIDATOR.validate(loaded(text))


def test_it_knows_what_an_editor_should_underline() -> None:
    for text in (
        "jobs: {a: {steps: [x], step: [x]}}",
        "jobs: {a: {steps: []}}",
        "jobs: {}",
        "on: pushed\njobs: {a: {steps: [x]}}",
        "jobs: {a: {steps: [{name: x}]}}",
        "jobs: {a: {steps: [x], timeout: 30}}",
        "jobs: {a: {steps: [x], env: {CI_A: x}}}",
        "jobs: {a: {steps: [x], env: {A: }}}",
    ):
        assert not is_valid(loaded(text)), text
    assert is_valid(loaded("x-any: [thing]\njobs: {a: {steps: [x]}}"))


# ── agreement ────────────────────────────────────────────────────────────────────────────────

FILES = 2000
VALUES = 60  # of each key


def test_the_reader_and_the_schema_agree_on_files() -> None:
    accepted = 0
    for seed in range(FILES):
        document, random = FromSchema(SCHEMA, seed).make(SCHEMA), Random(seed)
        for _ in range(random.choice((0, 0, 1, 1, 2))):
            document = mistaken(random, document)
        text = json.dumps(document, ensure_ascii=False)  # JSON is YAML
        reading = read(text.encode(), default_image="alpine")
        if reading.wanted:  # what it includes decides
            continue
        problems = reading.problems
        check(is_valid(document), problems, text)
        accepted += not problems
    assert FILES / 50 < accepted < FILES * 19 / 20  # both are tried


@pytest.mark.parametrize(("level", "key"), KEYS, ids=lambda each: each.name)
def test_the_reader_and_the_schema_agree_on_values(level: Level, key: Key) -> None:
    validator = _Validator({**key.schema, "$defs": SCHEMA["$defs"]})
    for seed in range(VALUES):
        document, random = FromSchema(SCHEMA, seed).make(key.schema), Random(seed)
        if seed % 2:
            document = mistaken(random, document)
        report = Report(".ci.yaml")
        root = compose(json.dumps(document, ensure_ascii=False), Limits(), report, Spent())
        assert root is not None
        scope = Scope(report, Limits(), frozenset({"target"}))
        key.read(Value(root, key.name, START, scope))
        check(validator.is_valid(document), report.problems(), document)
