"""Five fields of cron → the moments that they name, in UTC. Pure: whoever asks brings the time.

The rules are those of Vixie cron, https://man7.org/linux/man-pages/man5/crontab.5.html: Sunday is 0 and 7;
where the day of the month and the day of the week are both restricted, a day is due if either names it;
a field that begins with `*` restricts nothing in that sense, also as `*/2`.

APScheduler's `CronTrigger` is not asked: it counts weekdays from Monday = 0 and takes both days together,
and its messages could not say which field is wrong. A test holds the two against each other.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

MINUTE: Final = 60
DAY: Final = 24 * 60  # minutes
#: Further apart than this no two days of a cron are: the 29th of February that must be a certain weekday.
_MOST_DAYS: Final = 41 * 366
_LONGEST: Final = 200  # characters

_PART: Final = re.compile(
    r"(?:(\*)|([A-Za-z]+|[0-9]{1,4})(?:-([A-Za-z]+|[0-9]{1,4}))?)(?:/([0-9]{1,4}))?"
)
_MACROS: Final[Mapping[str, str]] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * sun",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS_HINT: Final = 'write minute, hour, day of the month, month, day of the week: "0 3 * * mon"'


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a text is no cron, and how to mend it."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Cron:
    """`times` are minutes of a day, rising; `weekdays` count from Sunday = 0."""

    times: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool = False  # both kinds of days are restricted: one of them is enough


def parse(text: str) -> Cron | Wrong:
    """Total, whatever the text is."""
    if text.startswith("@"):
        same = _MACROS.get(text.lower())
        hint = f'write "{same}"' if same else FIELDS_HINT
        return Wrong(f"{_shown(text)} is a short form that is not read here", hint)
    if len(text) > _LONGEST:
        return Wrong(f"is longer than {_LONGEST} characters", "write several schedules")
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return _wrong_count(len(parts))
    read = [each.read(part) for each, part in zip(_FIELDS, parts, strict=True)]
    sets = [each for each in read if isinstance(each, frozenset)]
    for each in read:
        if isinstance(each, Wrong):
            return each
    minutes, hours, days, months, weekdays = sets
    cron = Cron(
        times=tuple(sorted(hour * 60 + minute for hour in hours for minute in minutes)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        either=not (parts[2].startswith("*") or parts[4].startswith("*")),
    )
    return cron if _is_possible(cron) else _impossible(parts)


def next_due(cron: Cron, after: float) -> float:
    """The first moment later than this one; seconds since the epoch, a whole minute."""
    start = _minute_of(after) + timedelta(minutes=1)
    floor = start.hour * 60 + start.minute
    for day in _days(start.date(), 1):
        if _falls_on(cron, day):
            place = bisect_left(cron.times, floor)
            if place < len(cron.times):
                return _moment(day, cron.times[place])
        floor = 0
    raise AssertionError("`parse` gives none without a day")


def last_due(cron: Cron, until: float) -> float:
    """The last moment that is not later than this one."""
    start = _minute_of(until)
    ceiling = start.hour * 60 + start.minute
    for day in _days(start.date(), -1):
        if _falls_on(cron, day):
            place = bisect_right(cron.times, ceiling)
            if place:
                return _moment(day, cron.times[place - 1])
        ceiling = DAY
    raise AssertionError("`parse` gives none without a day")


def shortest_pause(cron: Cron) -> int:
    """Seconds between two moments that are nearest to each other."""
    steps = [later - earlier for earlier, later in zip(cron.times, cron.times[1:], strict=False)]
    within = min(steps, default=DAY)
    over_night = DAY - cron.times[-1] + cron.times[0]
    if over_night < within and _has_two_days_running(cron):
        return over_night * MINUTE
    return within * MINUTE


# ── days ─────────────────────────────────────────────────────────────────────────────────────


def _falls_on(cron: Cron, day: date) -> bool:
    if day.month not in cron.months:
        return False
    in_month, in_week = day.day in cron.days, day.isoweekday() % 7 in cron.weekdays
    return (in_month or in_week) if cron.either else (in_month and in_week)


def _days(start: date, step: int) -> Iterator[date]:
    return (start + timedelta(days=step * count) for count in range(_MOST_DAYS))


def _has_two_days_running(cron: Cron) -> bool:
    was = False
    for day in _days(date(2000, 1, 1), 1):
        is_due = _falls_on(cron, day)
        if was and is_due:
            return True
        was = is_due
    return False


def _is_possible(cron: Cron) -> bool:
    """A leap year has every date that there is."""
    if cron.either:
        return True
    return any(min(cron.days) <= _LENGTHS[month] for month in cron.months)


def _impossible(parts: list[str]) -> Wrong:
    message = (
        f"there is no day {_shown(parts[2])} in month {_shown(parts[3])}, so it would never be due"
    )
    return Wrong(message, "correct the day or the month")


_LENGTHS: Final[Mapping[int, int]] = {
    month: 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)
} | {2: 29}


def _minute_of(moment: float) -> datetime:
    return datetime.fromtimestamp(moment // MINUTE * MINUTE, UTC)


def _moment(day: date, minute: int) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + minute * MINUTE


# ── fields ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: Mapping[str, int] = field(default_factory=dict)

    def read(self, text: str) -> frozenset[int] | Wrong:
        found: set[int] = set()
        for part in text.split(","):
            numbers = self._numbers(part)
            if isinstance(numbers, Wrong):
                return numbers
            found.update(numbers)
        return frozenset(found)

    def _numbers(self, part: str) -> range | Wrong:
        match = _PART.fullmatch(part)
        if match is None:
            return Wrong(f"{_shown(part)} is no {self.name}", self._hint(part))
        star, first, last, every = match.groups()
        if every is not None and not star and last is None:
            hint = f'write "{first}-{self._last}/{every}" for from {first} on, "*/{every}" for every {every}'
            return Wrong(f"{_shown(part)} has a step and no range", hint)
        low = self.least if star else self._number(first)
        high = self._last if star else low if last is None else self._number(last, is_end=True)
        if low is None or high is None:
            return Wrong(f"{_shown(part)} is no {self.name}", self._hint(part))
        return self._range(part, low, high, 1 if every is None else int(every))

    def _range(self, part: str, low: int, high: int, every: int) -> range | Wrong:
        if low > high:
            return Wrong(
                f"{_shown(part)} ends before it begins", "write two ranges with a comma between"
            )
        if not 1 <= every <= self.most:
            return Wrong(f"the step of {_shown(part)} must be 1 to {self.most}")
        return range(low, high + 1, every)

    @property
    def _last(self) -> int:
        """Sunday is counted once."""
        return 6 if self.most == 7 else self.most

    def _number(self, text: str, *, is_end: bool = False) -> int | None:
        if not text.isdigit():
            number = self.names.get(text.lower())
            return 7 if number == 0 and is_end else number  # "fri-sun" is what people mean
        return int(text) if self.least <= int(text) <= self.most else None

    def _hint(self, part: str) -> str:
        if set(part) & set("?LW#"):
            return 'only numbers, names, "*", "-", "," and "/" are read here'
        names = f" or {', '.join(self.names)}" if self.names else ""
        return f"it is {self.least} to {self.most}{names}"


def _names(text: str, first: int) -> Mapping[str, int]:
    return {name: number for number, name in enumerate(text.split(), first)}


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _names("jan feb mar apr may jun jul aug sep oct nov dec", 1)),
    _Field("day of the week", 0, 7, _names("sun mon tue wed thu fri sat", 0)),
)


def _wrong_count(count: int) -> Wrong:
    if count == len(_FIELDS) + 1:
        return Wrong("has six fields; cron has five", "leave out the seconds, the first of them")
    return Wrong(f"has {count} {'field' if count == 1 else 'fields'}; cron has five", FIELDS_HINT)


def _shown(text: str) -> str:
    return f'"{text[:40]}"'
