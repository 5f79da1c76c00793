"""`on.schedule`: times of cron with a branch each → the schedules of a Pipeline."""

from __future__ import annotations

from typing import Final

from ci_bot.core.cron import FIELDS_HINT, Cron, Wrong, parse, shortest_pause
from ci_bot.core.pipeline.features.feature import Key
from ci_bot.core.pipeline.features.schemas import NAME, described
from ci_bot.core.pipeline.keys import SCHEDULE
from ci_bot.core.pipeline.limits import duration_in_words
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import one_line
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import Value, fields, items, text
from ci_bot.core.planned import Schedule

MOST: Final = 20
#: For `schedule` where a list of times must stand.
LIST_HINT: Final = 'list times under it: - cron: "0 3 * * mon"'

_EXAMPLE: Final = """\
on:
  push:
  schedule:
    - cron: "0 3 * * mon-fri"
    - {cron: "30 4 * * sun", branch: release}
jobs:
  nightly:
    steps:
      - run: echo "$CI_EVENT of $CI_BRANCH"
"""


def schedules(value: Value) -> tuple[Schedule, ...]:
    """Nothing of a list that is wrong as a whole."""
    if value.is_null:
        value.wrong_key('"schedule" needs times', LIST_HINT)
        return ()
    if isinstance(value.node, Pairs):
        value.wrong("must be a list, not a map", 'begin it with "- "')
        return ()
    entries = items(value)
    if entries is None:
        return ()
    if not entries:
        value.wrong("there are no times, so it would never start anything", LIST_HINT)
    if len(entries) > MOST:
        value.wrong_key(f"{len(entries)} schedules; there are at most {MOST}")
        return ()
    found: dict[tuple[str, str], Schedule] = {}
    for entry in entries:
        read = _schedule(entry)
        if read is None:
            continue
        first = found.setdefault((read.cron, read.branch), read)
        if first is not read:
            entry.wrong(f"is the same as the one on line {first.line}", "remove one of them")
    return tuple(found.values())


def _schedule(entry: Value) -> Schedule | None:
    found = fields(entry, SCHEDULE)
    if found is None:
        return None
    found.require("cron", FIELDS_HINT)
    cron, branch = found.read("cron", _cron), found.read("branch", _branch)
    if cron is None or (branch is None and "branch" in found):
        return None
    return Schedule(cron, branch or "", entry.node.mark.line)


def _cron(value: Value) -> str | None:
    """As it is written, with single blanks between the fields."""
    written = text(value)
    if written is None:
        return None
    written = " ".join(written.split())
    cron = parse(written)
    if isinstance(cron, Wrong):
        value.wrong(cron.message, cron.hint)
        return None
    return written if _is_rare_enough(value, cron) else None


def _is_rare_enough(value: Value, cron: Cron) -> bool:
    least, pause = value.scope.limits.schedule_interval, shortest_pause(cron)
    if pause >= least:
        return True
    message = (
        f"would be due every {duration_in_words(pause)}; this server allows {duration_in_words(least)}"
    )
    value.wrong(message, "leave more time between two of them")
    return False


def _branch(value: Value) -> str | None:
    name = one_line(value)
    if name is None:
        return None
    if set(name) & set("*?[~^:\\ ") or name.startswith(("/", "refs/", "-")) or ".." in name:
        value.wrong(f"{quoted(name)} is not the name of a branch", "write one name, without patterns")
        return None
    return name


#: Of one entry.
KEYS: Final = (
    Key(
        name="cron",
        read=_cron,
        schema={"type": "string", "maxLength": 200, "pattern": r"\S+\s+\S+\s+\S+\s+\S+\s+\S"},
        about=(
            "Minute, hour, day of the month, month, day of the week, in UTC: numbers, names (`mon`, `jan`), "
            "`*`, ranges, lists and steps. Sunday is 0 and 7. Where the day of the month *and* the day of "
            "the week are restricted, either of them is enough, as in every cron; a field that begins with "
            "`*` restricts nothing. At most every five minutes (a setting of the server)."
        ),
        example=_EXAMPLE,
    ),
    Key(
        name="branch",
        read=_branch,
        schema=NAME,
        about=(
            "Whose newest commit is run, by that commit's own `.ci.yaml`, which must name `schedule` too. "
            "Default: the default branch."
        ),
        example=_EXAMPLE,
    ),
)
KEY: Final = Key(
    name="schedule",
    read=schedules,
    schema={
        "type": "array",
        "minItems": 1,
        "maxItems": MOST,
        "items": {
            "type": "object",
            "properties": {key.name: described(key.schema, key.about) for key in KEYS},
            "required": ["cron"],
            "additionalProperties": False,
        },
    },
    about=(
        "Starts the jobs at certain times. Only the schedules in the file of the default branch count. The "
        "result is `ci-bot (schedule …)` and never touches the gate. A schedule has the trust of whoever "
        "brought the newest commit of the default branch: it stops when they lose write access, until "
        "somebody who has it pushes there. What was missed while the server was down runs once, late, and "
        "says so."
    ),
    example=_EXAMPLE,
)
