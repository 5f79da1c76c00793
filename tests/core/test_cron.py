"""Five fields and a moment → the next one, against a walker that tries every minute, and APScheduler."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_bot.core.cron import Cron, Wrong, last_due, next_due, parse, shortest_pause

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M %a")


def cron(text: str) -> Cron:
    found = parse(text)
    assert isinstance(found, Cron), found
    return found


def after(text: str, moment: str) -> str:
    return shown(next_due(cron(text), at(moment)))


# ── meaning ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", range(8))
def test_weekdays_count_from_sunday_and_seven_is_sunday_too(number: int) -> None:
    """2026-11-22 is a Sunday."""
    assert after(f"0 3 * * {number}", "2026-11-21T12:00") == after(
        f"0 3 * * {WEEKDAYS[number % 7]}", "2026-11-21T12:00"
    )
    assert after(f"0 3 * * {number}", "2026-11-21T12:00").endswith(WEEKDAYS[number % 7].capitalize())


@pytest.mark.parametrize("number", range(8))
def test_apscheduler_says_the_same_of_the_name_of_a_weekday(number: int) -> None:
    theirs = CronTrigger(minute="0", hour="3", day_of_week=WEEKDAYS[number % 7], timezone=UTC)
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    due = theirs.get_next_fire_time(None, start)
    assert due is not None
    assert next_due(cron(f"0 3 * * {number}"), start.timestamp()) == due.timestamp()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("5-7", {5, 6, 0}),
        ("fri-sun", {5, 6, 0}),
        ("0-2", {0, 1, 2}),
        ("SUN-Tue", {0, 1, 2}),
        ("0-7", set(range(7))),
        ("1-5/2", {1, 3, 5}),
        ("*/2", {0, 2, 4, 6}),
        ("7,3", {0, 3}),
        ("mon,wed-thu", {1, 3, 4}),
    ],
)
def test_weekdays_in_ranges_lists_and_steps(text: str, days: set[int]) -> None:
    assert cron(f"0 0 * * {text}").weekdays == days


def test_either_kind_of_day_is_enough_where_both_are_restricted() -> None:
    assert after("0 0 13 * fri", "2026-11-01T00:00") == "2026-11-06 00:00 Fri"
    assert after("0 0 13 * fri", "2026-12-11T12:00") == "2026-12-13 00:00 Sun"


def test_a_day_field_that_begins_with_a_star_restricts_nothing() -> None:
    assert after("0 0 * * fri", "2026-11-01T00:00") == "2026-11-06 00:00 Fri"
    assert after("0 0 */2 * mon", "2026-11-01T00:00") == "2026-11-09 00:00 Mon"


def test_the_next_moment_is_strictly_later() -> None:
    assert after("*/15 * * * *", "2026-11-27T03:15") == "2026-11-27 03:30 Fri"
    assert after("*/15 * * * *", "2026-11-27T03:14:59") == "2026-11-27 03:15 Fri"


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2024-03-01T00:00", "2028-02-29 00:00 Tue"),
        ("2096-03-01T00:00", "2104-02-29 00:00 Fri"),  # 2100 is no leap year
        ("2000-02-28T23:59", "2000-02-29 00:00 Tue"),
    ],
)
def test_leap_days(start: str, due: str) -> None:
    assert after("0 0 29 2 *", start) == due


def test_the_last_day_of_a_year() -> None:
    assert after("59 23 31 dec *", "2026-12-31T23:59") == "2027-12-31 23:59 Fri"
    assert after("0 0 1 jan *", "2026-12-31T23:59") == "2027-01-01 00:00 Fri"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("*/5 * * * *", 300),
        ("* * * * *", 60),
        ("0 3 * * mon", 86400),
        ("58,2 0,23 * * *", 240),
        ("59 23 * * *", 86400),
        ("0,59 0,23 * * *", 60),  # 23:59, and 00:00 of the next day
        ("0,59 0,23 1 * *", 59 * 60),  # no two days run on
    ],
)
def test_the_shortest_pause(text: str, seconds: int) -> None:
    assert shortest_pause(cron(text)) == seconds


# ── what is no cron ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "has 0 fields; cron has five", "write minute, hour"),
        ("0 3 * *", "has 4 fields; cron has five", "write minute, hour"),
        ("0 0 3 * * mon", "has six fields; cron has five", "leave out the seconds"),
        ("@daily", '"@daily" is a short form', 'write "0 0 * * *"'),
        ("@reboot", '"@reboot" is a short form', "write minute, hour"),
        ("60 * * * *", '"60" is no minute', "it is 0 to 59"),
        ("0 24 * * *", '"24" is no hour', "it is 0 to 23"),
        ("0 0 0 * *", '"0" is no day of the month', "it is 1 to 31"),
        ("0 0 * 13 *", '"13" is no month', "jan, feb"),
        ("0 0 * * 8", '"8" is no day of the week', "sun, mon"),
        ("0 0 * * L", '"L" is no day of the week', "only numbers, names"),
        ("0 0 ? * mon", '"?" is no day of the month', "only numbers, names"),
        ("30-10 * * * *", '"30-10" ends before it begins', "two ranges"),
        ("0 0 * * sat-mon", '"sat-mon" ends before it begins', "two ranges"),
        ("5/10 * * * *", '"5/10" has a step and no range', '"5-59/10"'),
        ("*/0 * * * *", 'the step of "*/0" must be 1 to 59', ""),
        ("1,,2 * * * *", '"" is no minute', "it is 0 to 59"),
        ("0 0 31 2 *", 'there is no day "31" in month "2"', "correct the day or the month"),
        ("0 0 31 4,6,sep *", 'there is no day "31" in month "4,6,sep"', "correct the day or the month"),
        ("0 " * 200, "is longer than 200 characters", "several schedules"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(text: str, message: str, hint: str) -> None:
    found = parse(text)
    assert isinstance(found, Wrong)
    assert message in found.message
    assert hint in found.hint


@given(st.text(max_size=60))
def test_any_text_is_a_cron_or_wrong(text: str) -> None:
    assert isinstance(parse(text), Cron | Wrong)


# ── any cron ─────────────────────────────────────────────────────────────────────────────────


def parts_of(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda two: f"{two[0]}-{two[1]}")
    step = st.integers(1, 9)
    every = st.tuples(st.one_of(st.just("*"), span), step).map(lambda two: f"{two[0]}/{two[1]}")
    part = st.one_of(number.map(str), span, every)
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


CRONS = (
    st.tuples(*(parts_of(*each) for each in RANGES))
    .map(" ".join)
    .filter(lambda text: isinstance(parse(text), Cron))
)
MOMENTS = st.floats(at("1999-06-01T00:00"), at("2101-01-01T00:00"))


def expanded(text: str, low: int, high: int) -> set[int]:
    """Another reading of one field, without a regular expression."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last or first))
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def falls_on(text: str, moment: datetime) -> bool:
    fields = text.split()
    minute, hour, day, month = (
        expanded(field, *limits) for field, limits in zip(fields[:4], RANGES[:4], strict=True)
    )
    week = {number % 7 for number in expanded(fields[4], 0, 6 if "*" in fields[4] else 7)}
    if moment.minute not in minute or moment.hour not in hour or moment.month not in month:
        return False
    of_month, of_week = moment.day in day, (moment.weekday() + 1) % 7 in week
    if fields[2].startswith("*") or fields[4].startswith("*"):
        return of_month and of_week
    return of_month or of_week


@settings(max_examples=150, deadline=None)
@given(CRONS, MOMENTS)
def test_the_next_moment_is_later_named_and_the_first(text: str, start: float) -> None:
    due = next_due(cron(text), start)
    assert due > start
    assert due % 60 == 0
    assert falls_on(text, datetime.fromtimestamp(due, UTC))
    walked = start // 60 * 60 + 60
    for _ in range(3000):  # two days of minutes: what lies further off is checked by the day before it
        if walked >= due:
            break
        assert not falls_on(text, datetime.fromtimestamp(walked, UTC))
        walked += 60
    assert last_due(cron(text), due) == due
    assert last_due(cron(text), due - 1) <= start


@settings(max_examples=100, deadline=None)
@given(CRONS.filter(lambda text: "*" in (text.split()[2][0], text.split()[4][0])), MOMENTS)
def test_apscheduler_agrees_once_weekdays_have_names(text: str, start: float) -> None:
    """It refuses steps as long as their range, so it is given the numbers one by one."""
    minute, hour, day, month = (
        ",".join(str(number) for number in sorted(expanded(field, *limits)))
        for field, limits in zip(text.split()[:4], RANGES[:4], strict=True)
    )
    names = ",".join(WEEKDAYS[number] for number in sorted(cron(text).weekdays))
    theirs = CronTrigger(
        minute=minute, hour=hour, day=day, month=month, day_of_week=names, timezone=UTC
    )
    due = theirs.get_next_fire_time(None, datetime.fromtimestamp(start // 60 * 60 + 60, UTC))
    assert due is not None
    assert next_due(cron(text), start) == due.timestamp()
