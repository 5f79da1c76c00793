"""A first `.ci.yaml`: right for what projects look like, valid whatever they look like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.pipeline import Limits, read
from ci_bot.core.starter import WANTED, starter

#: Repository and tag of official images: https://hub.docker.com/u/library
OFFICIAL = re.compile(
    r"python:3\.(9|1[0-4])(-slim)?|node:(18|20|22|24)|golang:1(\.\d{1,2})?|rust:1(\.\d{1,3})?"
    r"|buildpack-deps:bookworm|debian:bookworm-slim"
)


def jobs(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Job → its steps, of a file that our own reader takes."""
    text = starter(files).text
    found = read(text.encode(), file=".ci.yaml", default_image="", limits=Limits())
    assert found.problems == (), text
    content = yaml.safe_load(text)["jobs"]
    assert all(OFFICIAL.fullmatch(job["image"]) for job in content.values()), text
    return {name: job["steps"] for name, job in content.items()}


def image(files: Mapping[str, str], job: str) -> str:
    return str(yaml.safe_load(starter(files).text)["jobs"][job]["image"])


PIP = ".venv/bin/pip install"
PROJECT = '[project]\nname = "x"\n'


@pytest.mark.parametrize(
    ("files", "steps"),
    [
        (
            {"pyproject.toml": PROJECT + "[tool.pytest.ini_options]\n"},
            [f"{PIP} -e .", f"{PIP} pytest", ".venv/bin/pytest"],
        ),
        (
            {"pyproject.toml": PROJECT + '[project.optional-dependencies]\ndev = ["pytest"]\n'},
            [f"{PIP} -e '.[dev]'", f"{PIP} pytest", ".venv/bin/pytest"],
        ),
        (
            {"pyproject.toml": PROJECT + '[dependency-groups]\ntest = ["pytest"]\n'},
            [
                f"{PIP} -e .",
                f"{PIP} --upgrade pip && {PIP} --group test",
                f"{PIP} pytest",
                ".venv/bin/pytest",
            ],
        ),
        (
            {"requirements.txt": "flask", "requirements-dev.txt": "pytest", "app.py": ""},
            [f"{PIP} -r requirements.txt -r requirements-dev.txt", f"{PIP} pytest", ".venv/bin/pytest"],
        ),
        ({"setup.py": "", "tox.ini": "[tox]"}, [f"{PIP} -e .", f"{PIP} tox", ".venv/bin/tox"]),
        (
            {"setup.py": "", "tests/test_a.py": ""},
            [f"{PIP} -e .", ".venv/bin/python -m unittest discover -s tests"],
        ),
        ({"pyproject.toml": "[tool.black]\n"}, [".venv/bin/python -m compileall -q -x .venv ."]),
    ],
)
def test_python(files: dict[str, str], steps: list[str]) -> None:
    assert jobs(files) == {"python": ["python -m venv .venv", *steps]}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": PROJECT}, "python:3.13-slim"),
        ({"pyproject.toml": PROJECT, ".python-version": "3.11.4\n"}, "python:3.11-slim"),
        ({"pyproject.toml": PROJECT + 'requires-python = ">=3.9,<3.12"\n'}, "python:3.11-slim"),
        ({"pyproject.toml": PROJECT + 'requires-python = "==3.10.*"\n'}, "python:3.10-slim"),
        ({"pyproject.toml": PROJECT + 'requires-python = ">=3.9"\n'}, "python:3.13-slim"),
        (
            {"pyproject.toml": PROJECT + "requires-python = 3\n", ".python-version": "2.7"},
            "python:3.13-slim",
        ),
        ({"requirements.txt": "x @ git+https://example.com/x"}, "python:3.13"),
        ({"pyproject.toml": '[build-system]\nrequires = ["setuptools-scm"]\n'}, "python:3.13"),
    ],
)
def test_the_version_of_python(files: dict[str, str], expected: str) -> None:
    assert image(files, "python") == expected


def package(**more: object) -> str:
    scripts = {"test": "vitest", "lint": "eslint .", "start": "node ."}
    return json.dumps({"name": "x", "scripts": scripts} | more)


@pytest.mark.parametrize(
    ("files", "steps"),
    [
        ({"package-lock.json": ""}, ["npm ci", "npm run lint", "npm run test"]),
        ({}, ["npm install", "npm run lint", "npm run test"]),
        (
            {"yarn.lock": "# yarn lockfile v1\n"},
            ["yarn install --frozen-lockfile", "yarn run lint", "yarn run test"],
        ),
        (
            {"yarn.lock": "__metadata:\n  version: 8\n"},
            ["corepack yarn install --immutable", "corepack yarn run lint", "corepack yarn run test"],
        ),
        (
            {"pnpm-lock.yaml": ""},
            [
                "corepack pnpm install --frozen-lockfile",
                "corepack pnpm run lint",
                "corepack pnpm run test",
            ],
        ),
    ],
)
def test_node(files: dict[str, str], steps: list[str]) -> None:
    assert jobs({"package.json": package(), **files}) == {"node": steps}


def test_a_script_that_only_says_there_is_none_is_left_out() -> None:
    text = package(scripts={"test": 'echo "Error: no test specified" && exit 1'})
    assert jobs({"package.json": text}) == {"node": ["npm install"]}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".nvmrc": "v20.11\n"}, "node:20"),
        ({".nvmrc": "lts/*"}, "node:22"),
        ({".node-version": "24"}, "node:24"),
        ({"package.json": package(engines={"node": ">=18"})}, "node:18"),
        ({"package.json": package(engines={"node": ">=14"})}, "node:22"),
    ],
)
def test_the_version_of_node(files: dict[str, str], expected: str) -> None:
    assert image({"package.json": package()} | files, "node") == expected


def test_go() -> None:
    files = {"go.mod": "module x\n\ngo 1.24.1\n"}
    assert jobs(files) == {"go": ["go build ./...", "go vet ./...", "go test ./..."]}
    assert image(files, "go") == "golang:1.24"
    assert image({"go.mod": "module x\n"}, "go") == "golang:1"


def test_rust() -> None:
    assert jobs({"Cargo.toml": "[package]"}) == {"rust": ["cargo build --all-targets", "cargo test"]}
    files = {"Cargo.toml": "", "Cargo.lock": "", "rust-toolchain.toml": '[toolchain]\nchannel = "1.84"'}
    assert jobs(files) == {"rust": ["cargo build --locked --all-targets", "cargo test --locked"]}
    assert image(files, "rust") == "rust:1.84"


def test_make() -> None:
    assert jobs({"Makefile": "all:\n\ttrue\n"}) == {"make": ["make"]}
    assert jobs({"Makefile": "check: all\ntest:\n"}) == {"make": ["make", "make test"]}
    assert jobs({"GNUmakefile": "test := 1\ncheck : x\n"}) == {"make": ["make", "make check"]}


def test_several_languages_are_several_jobs_and_the_makefile_is_named() -> None:
    files = {"go.mod": "", "package.json": "{}", "Cargo.toml": "", "setup.py": "", "Makefile": "test:"}
    assert list(jobs(files)) == ["python", "node", "go", "rust"]
    made = starter(files)
    assert [words.split()[0] for words in made.found] == ["Python", "Node.js", "Go", "Rust"]
    assert "# The Makefile is not run here" in made.text


def test_nothing_known_is_an_example_to_change() -> None:
    made = starter({"README.md": ""})
    assert made.found == ()
    assert list(jobs({"README.md": ""})) == ["hello"]
    assert "timeout: 10m" in made.text


HOSTILE = ('"\n- x: [', "]" * 40, "\x00", "[" * 5000, "\u2028", "'", "${{ x }}", "test:\n", "-" * 9)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.sampled_from(HOSTILE),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["scripts", "engines", "node", "test", "lint", "packageManager"]), inner
            ),
        ),
        max_leaves=8,
    ).map(json.dumps),
    st.sampled_from(
        [
            "[project]\nrequires-python = '<3.99'\n[project.optional-dependencies]\ntest = 1\n",
            "[dependency-groups]\ndev = []\n[tool]\npytest = 1\n",
            "[tool]\ntox = {}\n[build-system]\nx = 1\n",
            "tool = 1\nproject = 2",
            "go 1.99\n",
            'channel = "1.999"',
        ]
    ),
)
OTHERS = ("setup.py", "tox.toml", "noxfile.py", "package-lock.json", "pnpm-lock.yaml", "Cargo.lock")
NAMES = st.one_of(
    st.sampled_from([*WANTED, *OTHERS, "tests/test_a.py", "tests/conftest.py"]),
    st.text(max_size=30),
)


@given(st.dictionaries(NAMES, TEXTS, max_size=12))
def test_whatever_is_found_the_file_is_valid(files: dict[str, str]) -> None:
    assert jobs(files)
