"""A Python project: what installs it and what tests it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ci_bot.core.starter.values import Files, StarterJob, table, toml

WANTED: Final = (
    "pyproject.toml",
    "setup.cfg",
    "tox.ini",
    ".python-version",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-test.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
)

_NEWEST: Final = 13
_KNOWN: Final = range(9, 15)  # minor versions that the official image has
_FOR_TESTS: Final = ("test", "tests", "testing", "dev")
_VENV: Final = ".venv/bin"


def find(files: Files) -> StarterJob | None:
    is_package = any(name in files for name in ("pyproject.toml", "setup.py", "setup.cfg"))
    lists = [name for name in WANTED if "requirements" in name and name in files]
    if not is_package and not lists:
        return None
    project = toml(files.get("pyproject.toml", ""))
    words, tests = _tests(files, project)
    tool = tests.partition(" ")[0] if tests else ""
    return StarterJob(
        id="python",
        why=f"Python ({', '.join([_source(files, lists), *words])})",
        image=f"python:3.{_minor(files, project)}{'' if _needs_git(files) else '-slim'}",
        steps=(
            "python -m venv .venv",
            *_installs(files, project, lists),
            *([f"{_VENV}/pip install {tool}"] if tool in ("pytest", "tox", "nox") else []),
            f"{_VENV}/{tests}" if tests else f"{_VENV}/python -m compileall -q -x .venv .",
        ),
        env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        note="" if tests else "No tests were found; this looks at the syntax alone.",
    )


def _source(files: Files, lists: list[str]) -> str:
    for name in ("pyproject.toml", "setup.py", "setup.cfg"):
        if name in files:
            return name
    return lists[0]


def _installs(files: Files, project: Mapping[str, Any], lists: list[str]) -> list[str]:
    pip = f"{_VENV}/pip install"
    found = [f"{pip} {' '.join(f'-r {name}' for name in lists)}"] if lists else []
    if "setup.py" in files or table(project, "build-system") or table(project, "project"):
        extra = next(
            (e for e in _FOR_TESTS if e in table(project, "project", "optional-dependencies")), ""
        )
        found.append(f"{pip} -e '.[{extra}]'" if extra else f"{pip} -e .")
    group = next((g for g in _FOR_TESTS if g in table(project, "dependency-groups")), "")
    if group:
        found.append(f"{pip} --upgrade pip && {pip} --group {group}")  # --group came with pip 25.1
    return found


def _tests(files: Files, project: Mapping[str, Any]) -> tuple[list[str], str]:
    """What shows how it is tested, and the command, "" for none."""
    tools = table(project, "tool")
    if "tox.ini" in files or "tox.toml" in files or "tox" in tools:
        return ["tox"], "tox"
    if "noxfile.py" in files:
        return ["nox"], "nox"
    if _has_pytest(files, tools):
        return ["pytest"], "pytest"
    if any(re.fullmatch(r"tests?/test\w*\.py", name) for name in files):
        return ["unittest"], "python -m unittest discover -s " + _tests_folder(files)
    return [], ""


def _has_pytest(files: Files, tools: Mapping[str, Any]) -> bool:
    if "pytest" in tools or any(
        name.rpartition("/")[2] in ("pytest.ini", "conftest.py") for name in files
    ):
        return True
    return any("pytest" in files.get(name, "") for name in WANTED)


def _tests_folder(files: Files) -> str:
    return "tests" if any(name.startswith("tests/") for name in files) else "test"


def _minor(files: Files, project: Mapping[str, Any]) -> int:
    """3.N: what the project pins, else the newest that it allows."""
    pinned = re.match(r"3\.(\d{1,2})\b", files.get(".python-version", "").strip())
    if pinned and int(pinned[1]) in _KNOWN:
        return int(pinned[1])
    asked = table(project, "project").get("requires-python")
    limit = re.search(r"(<=?|==|~=)\s*3\.(\d{1,2})", asked) if isinstance(asked, str) else None
    if not limit:
        return _NEWEST
    minor = int(limit[2]) - (limit[1] == "<")
    return minor if minor in _KNOWN else _NEWEST


def _needs_git(files: Files) -> bool:
    """The slim image has no git, which some versions and requirements are had from."""
    return any(
        words in files.get(name, "")
        for name in WANTED
        for words in (
            "git+",
            "setuptools-scm",
            "setuptools_scm",
            "hatch-vcs",
            "versioningit",
            "dunamai",
        )
    )
