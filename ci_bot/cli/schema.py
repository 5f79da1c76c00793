"""`ci-bot schema`: the JSON Schema of `.ci.yaml`, for editors."""

from __future__ import annotations

import json

import click

from ci_bot.core.pipeline import json_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of .ci.yaml, by which editors complete, explain and check it."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
