"""Options that say what happened (`--branch`, `--changed`, …) → the Occasion to plan for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ci_bot.cli.config import read_config
from ci_bot.core.inputs import is_value
from ci_bot.core.occasion import Changed, Facts, Occasion
from ci_bot.core.pipeline import Limits
from ci_bot.core.planned import Pipeline

F = TypeVar("F", bound=Callable[..., Any])
MANUAL = "manual"

_OPTIONS = (
    click.option("--branch", default="", help="Of the head.  [default: the one checked out]"),
    click.option("--base", default="", help="The branch that a pull request goes to."),
    click.option("--tag", default="", help="Its name, for --event tag."),
    click.option("--draft", is_flag=True, help="A pull request that is a draft."),
    click.option("--fork", is_flag=True, help="A pull request that comes from a fork."),
    click.option("--label", "labels", multiple=True, help="Of the pull request; may be repeated."),
    click.option("--actor", default="", help="Who did it."),
    click.option(
        "--changed",
        multiple=True,
        metavar="PATH",
        help="A file that changed; may be repeated. Without it every path counts as changed.",
    ),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="NAME=VALUE",
        help="Of a run started by hand; may be repeated.",
    ),
)


def supposing(command: F) -> F:
    """Adds the options to a command; what they say comes in its keyword `said`-arguments of the same names."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def pipeline_of(file: Path, root: Path, default_image: str, limits: Limits) -> Pipeline:
    """Every problem of the file, and of those it includes from `root`, is one line of the error."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error
    reading = read_config(text, file.name, root, default_image, limits)
    if reading.pipeline is None:
        raise click.ClickException("\n".join(str(problem) for problem in reading.problems))
    return reading.pipeline


def occasion(
    pipeline: Pipeline, event: str, changed: Sequence[str], inputs: Sequence[str], **facts: Any
) -> Occasion:
    """`facts` are fields of `Facts`."""
    chosen = _inputs(pipeline, inputs)
    files = Changed(tuple(changed)) if changed else Changed(None, "--changed was not given")
    branch = facts.pop("branch")
    if event == "tag":
        branch = ""
    return Occasion(Facts(event=event, branch=branch, inputs=chosen, **facts), files)


def _inputs(pipeline: Pipeline, given: Sequence[str]) -> dict[str, str]:
    known = {each.name: each for each in pipeline.inputs}
    chosen = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.ClickException(f"--input {pair}: write NAME=VALUE")
        if name not in known:
            names = ", ".join(known) or "none"
            raise click.ClickException(
                f'--input {pair}: there is no input "{name}"; the inputs: {names}'
            )
        options = known[name].options
        if not is_value(value) or (options and value not in options):
            raise click.ClickException(f"--input {pair}: must be {_wanted(options)}")
        chosen[name] = value
    return chosen


def _wanted(options: Sequence[str]) -> str:
    return f"one of {', '.join(options)}" if options else "one line of text that can be seen"
