"""`on`: a name, a list of names or a map → what starts the jobs, its filters, and the inputs of `manual`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ci_bot.core.inputs import MAX_INPUT, NAME, is_value
from ci_bot.core.pipeline.filters import event_filter
from ci_bot.core.pipeline.keys import INPUT, MANUAL
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.schedules import LIST_HINT, schedules
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import Value, fields, items, one_or_more, pairs, text
from ci_bot.core.planned import Filter, Input, Schedule
from ci_bot.core.suggest import did_you_mean

EVENTS: Final = ("push", "pull_request", "tag", "merge_group", "schedule", "manual")
MOST_INPUTS: Final = 25

#: What other systems call our events.
_FOREIGN_EVENTS: Final = {
    "cron": "schedule",
    "merge_queue": "merge_group",
    "merge_request": "pull_request",
    "merge_requests": "pull_request",
    "pr": "pull_request",
    "release": "tag",
    "tags": "tag",
    "workflow_dispatch": "manual",
}


@dataclass(frozen=True, slots=True)
class On:
    names: frozenset[str]
    inputs: tuple[Input, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()


def on(value: Value) -> On | None:
    if isinstance(value.node, Pairs):
        return _map(value)
    entries = one_or_more(value)
    if entries is None:
        return None
    if not entries:
        value.wrong("names no event, so nothing would ever run", f"name some of {', '.join(EVENTS)}")
    return On(frozenset(name for entry in entries if (name := _event(entry))))


def _event(entry: Value) -> str | None:
    name = text(entry)
    if name is not None and name not in EVENTS:
        message, hint = _unknown(name)
        entry.wrong(message, hint)
        return None
    if name == "schedule":
        entry.wrong('"schedule" needs times', f"write a map under on, and {LIST_HINT}")
        return None
    return name


def _unknown(name: str) -> tuple[str, str]:
    meant = _FOREIGN_EVENTS.get(name)
    hint = f'did you mean "{meant}"?' if meant else did_you_mean(name, EVENTS)
    return f"unknown event {quoted(name)}", hint or f"there are {', '.join(EVENTS)}"


def _map(value: Value) -> On:
    """Event → its options; nothing under it asks for nothing more."""
    found = pairs(value) or []
    if not found:
        value.wrong("names no event, so nothing would ever run", f"name some of {', '.join(EVENTS)}")
    inputs: tuple[Input, ...] = ()
    filters: dict[str, Filter] = {}
    times: tuple[Schedule, ...] = ()
    for name, entry in found:
        if name not in EVENTS:
            entry.wrong_key(*_unknown(name))
        elif name == "schedule":
            times = schedules(entry)
        elif entry.is_null:
            continue
        elif name == "manual":
            inputs = _manual(entry)
        elif (read := event_filter(name, entry)) is not None:
            filters[name] = read
    return On(frozenset(name for name, _ in found if name in EVENTS), inputs, filters, times)


def _manual(entry: Value) -> tuple[Input, ...]:
    found = fields(entry, MANUAL)
    return (found.read("inputs", _inputs) or ()) if found else ()


def _inputs(value: Value) -> tuple[Input, ...]:
    found = [] if value.is_null else pairs(value) or []
    if len(found) > MOST_INPUTS:
        value.wrong_key(f"{len(found)} inputs; there are at most {MOST_INPUTS}")
    read = (_input(name, entry) for name, entry in found)
    return tuple(each for each in read if each)


def _input(name: str, entry: Value) -> Input | None:
    """Nothing under the name means: to be given, whatever it is."""
    if not NAME.fullmatch(name):
        hint = "up to 63 letters, digits, _ and -; a letter or _ first"
        entry.wrong_key(f"{quoted(name)} cannot be the name of an input", hint)
    if entry.is_null:
        return Input(name)
    found = fields(entry, INPUT)
    if found is None:
        return None
    default, options = found.read("default", _value), found.read("options", _values) or ()
    if default is not None and options and default not in options:
        hint = f"it is one of {', '.join(options[:10])}"
        found.values["default"].wrong(f"{quoted(default)} is not among the options", hint)
    return Input(name, default, options)


def _values(value: Value) -> tuple[str, ...] | None:
    entries = items(value)
    if entries is None:
        return None
    if not entries:
        value.wrong("there are no options, so no value would do", "list some, or remove it")
    return tuple(each for entry in entries if (each := _value(entry)) is not None)


def _value(entry: Value) -> str | None:
    """What may also be written in a command: so it is one line of at most so many bytes."""
    written = text(entry)
    if written is None:
        return None
    if not is_value(written):
        entry.wrong(f"a value is one line of at most {MAX_INPUT} bytes, all of it visible")
        return None
    return written
