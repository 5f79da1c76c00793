"""The `ci-bot` command: its verbs, and how every error becomes one line and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click

from ci_bot import __version__
from ci_bot.core.errors import CiBotError, SettingsError

#: Every verb and its module here, in the order of the help. Only the one that is asked for is imported:
#: all of them together take a second.
COMMANDS: Final = MappingProxyType(
    {
        "serve": "serve",
        "init": "init",
        "run": "run",
        "validate": "validate",
        "plan": "plan",
        "schema": "schema",
        "runs": "runs",
        "logs": "logs",
        "artifacts": "artifacts",
        "retry": "acts",
        "cancel": "acts",
        "schedules": "schedules",
        "token": "token",
        "link": "link",
        "secret": "secret",
        "audit": "audit",
        "queue": "queue",
        "app": "app",
        "gitlab": "gitlab",
        "backup": "backup",
        "restore": "backup",
        "doctor": "doctor",
        "completion": "completion",
    }
)

FAILED: Final = 1  # the answer is no: a job failed, a file is wrong
UNUSABLE: Final = 2  # the question could not be answered: settings, engine, arguments
INTERRUPTED: Final = 130


class Verbs(click.Group):
    """Finds a verb by its name, when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"ci_bot.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return found


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ci-bot")
def cli() -> None:
    """A CI system whose dashboard is the forge itself."""


def main() -> None:
    """Ends the process, always with an exit code."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)  # click gives back the code of an `Exit`
    except click.ClickException as error:
        error.show()
        sys.exit(UNUSABLE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("ci-bot: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"ci-bot: settings: {problem}", err=True)
        sys.exit(UNUSABLE)
    except (CiBotError, OSError) as error:
        click.echo(f"ci-bot: {error}", err=True)
        sys.exit(UNUSABLE)
    except ExceptionGroup as group:  # parts of the server that ended together
        for part in group.exceptions:
            click.echo(f"ci-bot: {part}", err=True)
        sys.exit(UNUSABLE)
