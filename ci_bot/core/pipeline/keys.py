"""Every key of `.ci.yaml` by level: which work, which come later, what other systems call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ci_bot.core.suggest import closest


@dataclass(frozen=True, slots=True)
class Keys:
    """One level. A key is in `works` or in `later`, never in both."""

    level: str  # as it reads after "belongs": "to a job"
    works: tuple[str, ...]
    later: tuple[str, ...]
    foreign: Mapping[str, str] = field(default_factory=dict)  # what other CI systems say → what we say
    ignored_prefix: str = ""
    prose: str = ""  # the key that was probably meant where an unknown one has spaces in it

    def ignores(self, name: str) -> bool:
        return bool(self.ignored_prefix) and name.startswith(self.ignored_prefix)

    def may_mean(self, name: str, key: str) -> bool:
        """Whether an unknown name looks like this key."""
        if self.foreign.get(name) == key or closest(name, (key,)):
            return True
        return key == self.prose and self.is_prose(name)

    def is_prose(self, name: str) -> bool:
        return bool(self.prose) and len(name.split()) > 1


TOP: Final = Keys(
    level="at the top of the file",
    works=("version", "name", "on", "image", "env", "jobs", "include", "concurrency"),
    later=(),
    foreign={
        "environment": "env",
        "pipeline": "jobs",
        "stage": "jobs",
        "stages": "jobs",
        "trigger": "on",
        "triggers": "on",
        "true": "on",  # what YAML 1.1 tools write back for `on:`
        "variables": "env",
        "when": "on",
    },
    ignored_prefix="x-",
)

#: What counts for a run as a whole is said once, in `.ci.yaml` itself.
FIRST_FILE_ALONE: Final = ("name", "on", "concurrency")

INCLUDED: Final = Keys(
    level="at the top of an included file",
    works=("version", "image", "env", "jobs", "include", *FIRST_FILE_ALONE),
    later=(),
    foreign=TOP.foreign,
    ignored_prefix=TOP.ignored_prefix,
)

JOB: Final = Keys(
    level="in a job",
    works=(
        "name",
        "image",
        "needs",
        "if",
        "env",
        "secrets",
        "steps",
        "timeout",
        "allow-failure",
        "matrix",
        "fail-fast",
        "max-parallel",
        "concurrency",
        "resources",
        "services",
        "docker",
        "environment",
        "retry",
        "checkout",
        "artifacts",
        "cache",
        "isolation",
    ),
    later=("platform",),
    foreign={
        "commands": "steps",
        "container": "image",
        "dependencies": "needs",
        "depends-on": "needs",
        "depends_on": "needs",
        "runs-on": "image",
        "script": "steps",
        "strategy": "matrix",
        "timeout-minutes": "timeout",
        "variables": "env",
        "when": "if",
    },
)

STEP: Final = Keys(
    level="in a step",
    works=(
        "name",
        "run",
        "args",
        "if",
        "image",
        "env",
        "secrets",
        "timeout",
        "workdir",
        "shell",
        "continue-on-error",
    ),
    later=(),
    foreign={
        "allow-failure": "continue-on-error",
        "cmd": "run",
        "command": "run",
        "commands": "run",
        "container": "image",
        "cwd": "workdir",
        "dir": "workdir",
        "environment": "env",
        "script": "run",
        "timeout-minutes": "timeout",
        "variables": "env",
        "when": "if",
        "working-directory": "workdir",
        "working_directory": "workdir",
    },
    prose="run",
)

NEED: Final = Keys(
    level="in a need",
    works=("job", "optional"),
    later=(),
    foreign={"id": "job", "name": "job", "required": "optional"},
)

CONCURRENCY: Final = Keys(
    level="in concurrency",
    works=("group", "limit", "when-full"),
    later=(),
    foreign={
        "cancel-in-progress": "when-full",
        "max": "limit",
        "max-parallel": "limit",
        "name": "group",
    },
)

RESOURCES: Final = Keys(
    level="in resources",
    works=("cpu", "memory", "pids"),
    later=(),
    foreign={"cores": "cpu", "cpus": "cpu", "mem": "memory", "processes": "pids", "ram": "memory"},
)

SERVICE: Final = Keys(
    level="in a service",
    works=("image", "env", "ready", "timeout"),
    later=(),
    foreign={
        "environment": "env",
        "healthcheck": "ready",
        "health": "ready",
        "health-cmd": "ready",
        "variables": "env",
    },
)

_FILTERS_ELSEWHERE: Final = {
    "branch": "branches",
    "branches_ignore": "branches-ignore",
    "changes": "paths",
    "draft": "drafts",
    "ignore": "paths-ignore",
    "path": "paths",
    "paths_ignore": "paths-ignore",
    "tag": "tags",
}

ARTIFACTS: Final = Keys(
    level="in artifacts",
    works=("paths", "when", "expire", "reports"),
    later=(),
    foreign={
        "expire-in": "expire",
        "expire_in": "expire",
        "files": "paths",
        "path": "paths",
        "retention-days": "expire",
    },
)

RETRY: Final = Keys(
    level="in retry",
    works=("limit", "on"),
    later=(),
    foreign={
        "attempts": "limit",
        "count": "limit",
        "max": "limit",
        "exit-codes": "on",
        "exit_codes": "on",
        "exit_status": "on",
        "when": "on",
    },
)

CHECKOUT: Final = Keys(
    level="in checkout",
    works=("submodules", "lfs", "depth"),
    later=(),
    foreign={"fetch-depth": "depth", "recursive": "submodules"},
)

REPORTS: Final = Keys(
    level="in reports",
    works=("junit", "coverage"),
    later=(),
    foreign={
        "cobertura": "coverage",
        "coverage_report": "coverage",
        "tests": "junit",
        "xunit": "junit",
    },
)

CACHE: Final = Keys(
    level="in a cache",
    works=("key", "paths", "fallback"),
    later=(),
    foreign={"fallback_keys": "fallback", "path": "paths", "restore-keys": "fallback"},
)

#: Under `on`, beside the name of an event.
PUSH: Final = Keys(
    level="under push",
    works=("branches", "branches-ignore", "paths", "paths-ignore"),
    later=(),
    foreign=_FILTERS_ELSEWHERE,
)
PULL_REQUEST: Final = Keys(
    level="under pull_request",
    works=("branches", "paths", "paths-ignore", "drafts"),
    later=(),
    foreign=_FILTERS_ELSEWHERE,
)
TAG: Final = Keys(level="under tag", works=("tags",), later=(), foreign=_FILTERS_ELSEWHERE)
MERGE_GROUP: Final = Keys(level="under merge_group", works=(), later=())
EVENT_KEYS: Final = {
    "push": PUSH,
    "pull_request": PULL_REQUEST,
    "tag": TAG,
    "merge_group": MERGE_GROUP,
}
MANUAL: Final = Keys(
    level="under manual", works=("inputs",), later=(), foreign={"parameters": "inputs"}
)
SCHEDULE: Final = Keys(
    level="in a schedule",
    works=("cron", "branch"),
    later=(),
    foreign={
        "at": "cron",
        "branches": "branch",
        "interval": "cron",
        "schedule": "cron",
        "time": "cron",
    },
)
INPUT: Final = Keys(
    level="in an input",
    works=("default", "options"),
    later=(),
    foreign={"choices": "options", "enum": "options", "value": "default", "values": "options"},
)

LEVELS: Final = (TOP, JOB, STEP, PUSH, PULL_REQUEST, TAG)


def belongs_to(name: str) -> str | None:
    """The level that has this very key: "in a job"; None if none has."""
    return next((keys.level for keys in LEVELS if name in keys.works + keys.later), None)
