"""`ci-bot init`: a first `.ci.yaml` for what is found here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from ci_bot.core.pipeline import CONFIG_FILES, Limits, read
from ci_bot.core.starter import WANTED, starter

MOST_FILES: Final = 5_000
MOST_TEXT: Final = 1024 * 1024
_LEFT_OUT: Final = frozenset({"node_modules", "target", "vendor", "venv", "dist", "build"})


@click.command()
@click.option("--force", is_flag=True, help="Write over a file that is there already.")
def init(force: bool) -> None:
    """Write a .ci.yaml for what is found here: Python, Node.js, Go, Rust, Make.

    It is a start, to be read and changed; nothing is run.
    """
    here = Path.cwd()
    _check_root(here)
    file = _place(here, force)
    made = starter(dict(_files(here)))
    problems = read(made.text.encode(), file=file.name, default_image="", limits=Limits()).problems
    if problems:  # a bug of ours, and no file is better than a broken one
        raise click.ClickException(f"nothing is written, our own file is not valid: {problems[0]}")
    _write(file, made.text, force)
    click.secho(f"✓ {file.name} is written", fg="green")
    for each in made.found:
        click.echo(f"  a job for {each}")
    if not made.found:
        click.echo("  an example: nothing was found that ci-bot knows how to build")
    click.echo("next: read it, try it with `ci-bot run`, commit it on a branch and open a pull request")


def _check_root(here: Path) -> None:
    root = next((path for path in here.parents if (path / ".git").exists()), None)
    if root is not None and not (here / ".git").exists():
        raise click.ClickException(
            f"the file belongs to the root of the repository: run this in {root}"
        )


def _place(here: Path, force: bool) -> Path:
    for name in CONFIG_FILES:
        if (here / name).exists() or (here / name).is_symlink():
            if not force:
                raise click.ClickException(f"{name} is there already; --force writes over it")
            return here / name
    return here / CONFIG_FILES[0]


def _files(here: Path) -> Iterator[tuple[str, str]]:
    """Path → text where the text is wanted, else "": two levels, hidden directories left out."""
    for count, path in enumerate(_two_levels(here)):
        if count >= MOST_FILES:
            return
        name = path.relative_to(here).as_posix()
        yield name, _text(path) if name in WANTED else ""


def _two_levels(here: Path) -> Iterator[Path]:
    folders = []
    for path in sorted(here.iterdir()):
        if path.is_file():
            yield path
        elif path.is_dir() and path.name[0] != "." and path.name not in _LEFT_OUT:
            folders.append(path)
    for folder in folders:
        try:
            yield from (path for path in sorted(folder.iterdir()) if path.is_file())
        except PermissionError:
            continue


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_TEXT).decode("utf-8", "replace")
    except OSError as error:
        raise click.ClickException(f"{path.name} cannot be read: {error.strerror}") from error


def _write(file: Path, text: str, force: bool) -> None:
    """Whole or not at all; without `force` never over a file that came meanwhile."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".ci.", suffix=".new", dir=file.parent)
        fresh = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                opened.write(text)
            fresh.chmod(0o644)
            if force:
                fresh.replace(file)
            else:
                os.link(fresh, file)
        finally:
            fresh.unlink(missing_ok=True)
    except FileExistsError as error:
        raise click.ClickException(f"{file.name} is there already; --force writes over it") from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
