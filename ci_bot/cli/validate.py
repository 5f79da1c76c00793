"""`ci-bot validate`: every error of every file, with its place and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from ci_bot.cli.config import read_config
from ci_bot.core.model import Problem
from ci_bot.core.pipeline import CONFIG_FILES, Limits

ANY_IMAGE = "default"  # whether the server has a default image is not the file's business


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def validate(files: Sequence[Path], form: str) -> None:
    """Check .ci.yaml (or FILES) without running anything. Exit code 1 if there is any error."""
    chosen = tuple(files) or (_default_file(),)
    found = {file: _check(file) for file in chosen}
    click.echo(_as_json(found) if form == "json" else _as_text(found))
    if any(found.values()):
        raise click.exceptions.Exit(1)


def _default_file() -> Path:
    for name in CONFIG_FILES:
        if Path(name).is_file():
            return Path(name)
    raise click.ClickException(f"there is no {CONFIG_FILES[0]} here; name the file to check")


def _check(file: Path) -> tuple[Problem, ...]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error
    return read_config(text, str(file), _root(file), ANY_IMAGE, Limits()).problems


def _root(file: Path) -> Path:
    """The top of the file's repository; of a file in none, its own folder."""
    folders = file.absolute().parents
    return next((folder for folder in folders if (folder / ".git").exists()), folders[0])


def _as_text(found: dict[Path, tuple[Problem, ...]]) -> str:
    lines = [str(problem) for problems in found.values() for problem in problems]
    count = len(lines)
    if count:
        return "\n".join([*lines, f"{count} error" + ("s" if count > 1 else "")])
    return "\n".join(f"{file}: valid" for file in found)


def _as_json(found: dict[Path, tuple[Problem, ...]]) -> str:
    files = [
        {"file": str(file), "errors": [_error(problem) for problem in problems]}
        for file, problems in found.items()
    ]
    return json.dumps({"files": files}, indent=2)


def _error(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "hint": problem.hint,
    }
