"""`on.schedule`: what it means, and what is wrong with it, where."""

from __future__ import annotations

import pytest

from ci_bot.core.pipeline import Limits, plan
from ci_bot.core.pipeline.schedules import KEY, MOST
from ci_bot.core.planned import Schedule
from tests.core.occasions import occasion
from tests.core.pipeline.examples import JOBS, complaints, read_text, top


def on(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"on:\n  schedule:\n{body}{JOBS}"


def test_each_entry_is_a_time_and_a_branch() -> None:
    pipeline = read_text(
        on('- cron: "0  3 * * mon"', "- {cron: 30 4 1 * *, branch: release/1}")
    ).pipeline
    assert pipeline is not None
    assert pipeline.on == {"schedule"}
    assert pipeline.schedules == (
        Schedule("0 3 * * mon", "", 3),
        Schedule("30 4 1 * *", "release/1", 4),
    )


def test_a_file_that_names_schedule_is_planned_for_one() -> None:
    pipeline = read_text(on('- cron: "0 3 * * *"')).pipeline
    assert pipeline is not None
    assert [job.id for job in plan(pipeline, occasion("schedule", branch="main")).jobs] == ["build"]
    assert plan(pipeline, occasion("push")).reason == '"on" names schedule, not push'


def test_the_example_of_the_documentation() -> None:
    reading = read_text(KEY.example)
    assert reading.problems == ()
    assert reading.pipeline is not None
    assert [each.branch for each in reading.pipeline.schedules] == ["", "release"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (top("on: schedule"), '1:5: on: "schedule" needs times; write a map under on, and list times under it: - cron: "0 3 * * mon"'),
        (top("on: [push, schedule]"), '1:12: on[1]: "schedule" needs times; write a map under on, and list times under it: - cron: "0 3 * * mon"'),
        (top("on: {schedule: }"), '1:6: on.schedule: "schedule" needs times; list times under it: - cron: "0 3 * * mon"'),
        (top("on: {schedule: []}"), '1:16: on.schedule: there are no times, so it would never start anything; list times under it: - cron: "0 3 * * mon"'),
        (top('on: {schedule: {cron: "0 3 * * *"}}'), '1:16: on.schedule: must be a list, not a map; begin it with "- "'),
        (on('- "0 3 * * *"'), '3:7: on.schedule[0]: must be a map, not text; write "key: value" lines under it'),
        (on("- branch: main"), '3:7: on.schedule[0]: "cron" is missing; write minute, hour, day of the month, month, day of the week: "0 3 * * mon"'),
        (on('- cron: "0 0 3 * * mon"'), "3:13: on.schedule[0].cron: has six fields; cron has five; leave out the seconds, the first of them"),
        (on('- cron: "@daily"'), '3:13: on.schedule[0].cron: "@daily" is a short form that is not read here; write "0 0 * * *"'),
        (on('- cron: "0 0 31 2 *"'), '3:13: on.schedule[0].cron: there is no day "31" in month "2", so it would never be due; correct the day or the month'),
        (on('- cron: "* * * * *"'), "3:13: on.schedule[0].cron: would be due every 1m; this server allows 5m; leave more time between two of them"),
        (on('- {cron: 0 3 * * *, branch: "rel-*"}'), '3:33: on.schedule[0].branch: "rel-*" is not the name of a branch; write one name, without patterns'),
        (on("- {cron: 0 3 * * *, time: 4}"), '3:25: on.schedule[0].time: unknown key "time"; did you mean "cron"?'),
        (on('- cron: "0 3 * * *"', '- cron: "0  3 * * *"'), "4:7: on.schedule[1]: is the same as the one on line 3; remove one of them"),
    ],
)  # fmt: skip
def test_what_is_wrong(text: str, expected: str) -> None:
    assert expected in complaints(text)


def test_at_most_so_many() -> None:
    lines = [f'- cron: "{minute} 3 * * *"' for minute in range(MOST + 1)]
    assert complaints(on(*lines)) == [
        f"2:3: on.schedule: {MOST + 1} schedules; there are at most {MOST}"
    ]


def test_an_operator_may_allow_every_minute() -> None:
    assert complaints(on('- cron: "* * * * *"'), Limits(schedule_interval=60)) == []
