"""`shell` and `args`: what reads a step's script, and steps that are the image's own entry point."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import Key, Said, StepFeature
from ci_bot.core.pipeline.features.schemas import TEXT, alone_or_listed
from ci_bot.core.pipeline.references import refers_to_matrix
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import fits
from ci_bot.core.pipeline.value import Value, one_or_more, text
from ci_bot.core.planned import Step

MOST_ARGS: Final = 100
#: Words of a command line: a program and its options, none of which a shell would change.
_SHELL: Final = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+=:,-]*(?: [A-Za-z0-9_./+=:,-]+){0,10}")

_SHELL_EXAMPLE: Final = """\
jobs:
  lists:
    image: debian:stable-slim
    steps:
      - shell: bash
        run: |
          files=(one two)
          echo "${#files[@]} files"
"""
_ARGS_EXAMPLE: Final = """\
jobs:
  plugin:
    steps:
      - args: [echo, "no shell reads this: $HOME"]
"""


def _shell(value: Value) -> str | None:
    written = text(value)
    if written is None:
        return None
    if not _SHELL.fullmatch(written) or len(written) > 200:
        hint = 'write a program and its options, like "bash" or "python3 -u"'
        value.wrong(f"{quoted(written)} is not a program that could read a script", hint)
        return None
    return written


def _args(value: Value) -> tuple[str, ...] | None:
    entries = one_or_more(value)
    if entries is None:
        return None
    if len(entries) > MOST_ARGS:
        value.wrong(f"{len(entries)} arguments; there are at most {MOST_ARGS}")
        return None
    read = [(entry, text(entry)) for entry in entries]
    return tuple(
        each
        for entry, each in read
        if each is not None and fits(entry, each, "the argument") and refers_to_matrix(entry, each)
    )


def _check(value: Value, said: Said) -> None:
    if "args" in said and "shell" in said:
        value.wrong_key("a step with args has no script that a shell could read", "remove shell")


def _lower(step: Step, said: Said) -> Step:
    return replace(step, shell=said.get("shell", ""), args=said.get("args"))


COMMAND: Final = StepFeature(
    keys=(
        Key(
            name="args",
            read=_args,
            schema=alone_or_listed(TEXT, maxItems=MOST_ARGS),
            about=(
                "Instead of `run`: arguments for the image's own entry point, for images that are one "
                "program. No shell reads them. An image without any shell cannot be given secrets."
            ),
            example=_ARGS_EXAMPLE,
        ),
        Key(
            name="shell",
            read=_shell,
            schema={
                "type": ["string", "number", "boolean"],
                "pattern": f"^{_SHELL.pattern}$",
                "maxLength": 200,
                "minimum": 0,
            },
            about=(
                "The program that reads the script, from the image; the script's path is its last "
                "argument. Default: `sh -e`. `bash` is `bash -e -o pipefail`; anything else runs as it "
                "is written, like `python3 -u`."
            ),
            example=_SHELL_EXAMPLE,
        ),
    ),
    lower=_lower,
    check=_check,
)
