"""`ci-bot completion SHELL`: what a shell needs to complete commands and options."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

SHELLS: Final = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
VARIABLE: Final = "_CI_BOT_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: ci-bot completion bash > ~/.local/share/bash-completion/completions/ci-bot
    zsh:  ci-bot completion zsh > a directory of $fpath, as _ci-bot
    fish: ci-bot completion fish > ~/.config/fish/completions/ci-bot.fish
    """
    root = context.find_root().command
    # The template itself: `source()` first looks for a bash to ask for its version.
    made = SHELLS[shell](root, {}, "ci-bot", VARIABLE)
    click.echo(made.source_template % made.source_vars())
