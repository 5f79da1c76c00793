"""The `ci-bot` command: its verbs, and how every error becomes one line and an exit code."""

from __future__ import annotations

import sys
from typing import Final

import click

from ci_bot import __version__
from ci_bot.cli.acts import cancel, retry
from ci_bot.cli.app import app
from ci_bot.cli.audit import audit
from ci_bot.cli.backup import backup, restore
from ci_bot.cli.completion import completion
from ci_bot.cli.doctor import doctor
from ci_bot.cli.init import init
from ci_bot.cli.link import link
from ci_bot.cli.logs import logs
from ci_bot.cli.run import run
from ci_bot.cli.runs import runs
from ci_bot.cli.secret import secret
from ci_bot.cli.serve import serve
from ci_bot.cli.token import token
from ci_bot.cli.validate import validate
from ci_bot.core.errors import CiBotError, SettingsError

#: Every verb; a new one is a module here and one more entry.
COMMANDS: Final = (
    serve,
    init,
    run,
    validate,
    runs,
    logs,
    retry,
    cancel,
    token,
    link,
    secret,
    audit,
    app,
    backup,
    restore,
    doctor,
    completion,
)

FAILED: Final = 1  # the answer is no: a job failed, a file is wrong
UNUSABLE: Final = 2  # the question could not be answered: settings, engine, arguments
INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ci-bot")
def cli() -> None:
    """A CI system whose dashboard is the forge itself."""


for _command in COMMANDS:
    cli.add_command(_command)


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
