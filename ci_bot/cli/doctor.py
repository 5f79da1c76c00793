"""`ci-bot doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ci_bot.core.errors import CiBotError, SettingsError
from ci_bot.settings import load
from ci_bot.wiring.looking import Examination, examinations

INDENT = " " * 12  # below the words, not below the marks and names
SECONDS = 30.0  # for one examination: an engine or a forge that does not answer is a finding


@dataclass(frozen=True, slots=True)
class Finding:
    """`fine` says what was found; `problems` what is wrong and what to do, none if all is well."""

    what: str
    fine: str
    problems: tuple[str, ...] = ()


@click.command()
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file.  [default: ci-bot.toml]"
)
@click.option(
    "--repo", metavar="OWNER/NAME", help="Also check what gates merges into its default branch."
)
def doctor(config: Path | None, repo: str | None) -> None:
    """Check Docker, git, disk, database, keys, and the forge's credentials and permissions.

    Exit code 1 if anything is wrong.
    """
    findings = asyncio.run(_examine_all(examinations(load(config), repo)))
    for finding in findings:
        click.echo(_line(finding))
    count = sum(len(finding.problems) for finding in findings)
    if count:
        click.secho(f"\n{count} to mend", fg="red", bold=True)
        raise click.exceptions.Exit(1)
    click.secho("\nall well", fg="green", bold=True)


async def _examine_all(wanted: Sequence[Examination]) -> list[Finding]:
    return list(await asyncio.gather(*(_examine(examination) for examination in wanted)))


async def _examine(examination: Examination) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            return Finding(examination.what, await examination.look())
    except SettingsError as error:
        return Finding(examination.what, "", error.problems)
    except CiBotError as error:
        return Finding(examination.what, "", (str(error),))
    except TimeoutError:
        return Finding(examination.what, "", (f"no answer within {SECONDS:.0f} s",))


def _line(finding: Finding) -> str:
    if not finding.problems:
        return f"{click.style('✓', fg='green')} {finding.what:<9} {_folded(finding.fine)}"
    mark = click.style("✗", fg="red")
    return "\n".join(f"{mark} {finding.what:<9} {_folded(problem)}" for problem in finding.problems)


def _folded(text: str) -> str:
    """Between words where a person looks; in a pipe one line stays one line."""
    if not sys.stdout.isatty():
        return text
    width = max(shutil.get_terminal_size().columns - len(INDENT), 40)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{INDENT}".join(lines)
