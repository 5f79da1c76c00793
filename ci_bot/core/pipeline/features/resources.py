"""`resources`: what each step of a job may use of the machine, up to the server's maximum."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import number_schema
from ci_bot.core.pipeline.keys import RESOURCES
from ci_bot.core.pipeline.limits import size_in_words
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, fields, text
from ci_bot.core.planned import Job, Resources

_SIZE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(KiB|MiB|GiB|K|M|G)")
_BYTES: Final = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_CPU: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?")
_PIDS: Final = re.compile(r"[0-9]{1,7}")
#: No engine takes less: https://docs.docker.com/engine/containers/resource_constraints/
LEAST_MEMORY: Final = 6 << 20
LEAST_CPU: Final = 0.01
LEAST_PIDS: Final = 16  # the shell, its children, and a little room
_SIZE_HINT: Final = 'write it like "512MiB" or "4GiB"'

_EXAMPLE: Final = """\
jobs:
  small:
    resources: {cpu: 0.5, memory: 256MiB, pids: 100}
    steps: [echo enough]
"""


def _resources(value: Value) -> Resources | None:
    found = fields(value, RESOURCES)
    if found is None:
        return None
    return Resources(
        cpu=found.read("cpu", _cpu),
        memory=found.read("memory", _memory),
        pids=found.read("pids", _pids),
    )


def _cpu(value: Value) -> float | None:
    written = text(value)
    if written is None:
        return None
    if not _CPU.fullmatch(written) or float(written) < LEAST_CPU:
        value.wrong(f"{quoted(written)} is not a number of processors", 'write it like "2" or "0.5"')
        return None
    most = value.scope.limits.max_cpus
    if most is not None and float(written) > most:
        value.wrong(f"{written} is more than the {most:g} processors that this server allows")
        return None
    return float(written)


def _memory(value: Value) -> int | None:
    written = text(value)
    if written is None:
        return None
    found = _SIZE.fullmatch(written)
    if not found:
        value.wrong(f"{quoted(written)} is not a size", _SIZE_HINT)
        return None
    size = int(float(found[1]) * _BYTES[found[2][0]])
    most = value.scope.limits.max_memory
    if size < LEAST_MEMORY:
        value.wrong(
            f"{written} is too little for any container", f"ask for {size_in_words(LEAST_MEMORY)}"
        )
        return None
    if most is not None and size > most:
        value.wrong(f"{written} is more than the {size_in_words(most)} that this server allows")
        return None
    return size


def _pids(value: Value) -> int | None:
    written = text(value)
    if written is None:
        return None
    if not _PIDS.fullmatch(written) or int(written) < LEAST_PIDS:
        hint = f"write a whole number, at least {LEAST_PIDS}"
        value.wrong(f"{quoted(written)} is not a number of processes", hint)
        return None
    most = value.scope.limits.max_pids
    if most is not None and int(written) > most:
        value.wrong(f"{written} is more than the {most} processes that this server allows")
        return None
    return int(written)


def _lower(job: Job, said: Said) -> Job:
    return replace(job, resources=said.get("resources", job.resources))


RESOURCES_FEATURE: Final = JobFeature(
    keys=(
        Key(
            name="resources",
            read=_resources,
            schema={
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "cpu": {
                        "type": ["number", "string"],
                        "pattern": f"^{_CPU.pattern}$",
                        "minimum": LEAST_CPU,
                        "maximum": 9999,
                    },
                    "memory": {"type": "string", "pattern": f"^{_SIZE.pattern}$"},
                    "pids": number_schema(LEAST_PIDS, 9_999_999),
                },
            },
            about=(
                "What each step, and each service, may use at most: `cpu` in processors, `memory`, and "
                "`pids`, processes and threads together. A server has a default and a maximum for each; "
                "to ask for more is an error that names the maximum. What a step used stands in its check."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
