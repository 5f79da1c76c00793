"""How fast is allowed: windows that slide, pauses that are ordered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ci_bot.forges.github.pace import Pace
from ci_bot.forges.pace import Pause, Window


def test_a_burst_up_to_the_limit_goes_through_at_once() -> None:
    pace = Pace()
    assert [pace.take(0.0, 1, is_content=False) for _ in range(900)] == [0.0] * 900
    assert pace.take(0.0, 1, is_content=False) == 61.0


def test_a_write_costs_five_points() -> None:
    pace = Pace()
    assert all(pace.take(0.0, 5, is_content=False) == 0 for _ in range(180))
    assert pace.take(30.0, 1, is_content=False) == 31.0


def test_eighty_comments_a_minute_and_five_hundred_an_hour() -> None:
    pace = Pace()
    sent: list[float] = []
    now = 0.0
    while len(sent) < 501:
        wait = pace.take(now, 5, is_content=True)
        if wait == 0:
            sent.append(now)
        now += wait
    assert sent[79] == 0.0
    assert sent[80] == 61.0
    assert sent[500] == 3601.0


def test_comments_do_not_hold_up_reading() -> None:
    pace = Pace()
    for _ in range(80):
        pace.take(0.0, 5, is_content=True)
    assert pace.take(0.0, 5, is_content=True) > 0
    assert pace.take(0.0, 1, is_content=False) == 0


def test_what_had_to_wait_does_not_count() -> None:
    window = Window(1, 60)
    window.take(0.0, 1)
    assert window.wait(10.0, 1) == 51.0
    assert window.wait(61.0, 1) == 0.0


def test_a_clock_that_jumps_back_neither_frees_nor_blocks_for_longer() -> None:
    window = Window(1, 60)
    window.take(1000.0, 1)
    assert window.wait(400.0, 1) == 61.0
    assert window.wait(461.0, 1) == 0.0


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=60))
def test_no_window_ever_holds_more_than_its_limit(steps: list[tuple[float, int]]) -> None:
    window, now, taken = Window(10, 60), 0.0, []
    for pause, cost in steps:
        now += pause
        if window.wait(now, cost) == 0:
            window.take(now, cost)
            taken.append((now, cost))
    for moment, _ in taken:
        assert sum(cost for other, cost in taken if moment - 60 < other <= moment) <= 10


def test_a_pause_lasts_as_ordered() -> None:
    pause = Pause()
    assert pause.left(100.0) == 0
    assert pause.order(100.0, 30) == 30
    assert pause.left(110.0) == 20
    assert pause.left(130.0) == 0


def test_a_pause_is_never_shortened() -> None:
    pause = Pause()
    pause.order(100.0, 300)
    assert pause.order(110.0, 5) == 290


def test_pauses_in_a_row_double_until_something_goes_through() -> None:
    pause = Pause()
    assert pause.order(0.0, 60) == 60
    assert pause.order(1.0, 60) == 60  # an answer to what was under way
    assert pause.order(100.0, 60) == 120
    assert pause.order(300.0, 60) == 240
    pause.lift()
    assert pause.order(1000.0, 60) == 60


def test_a_long_order_is_obeyed_and_not_doubled_beyond_reason() -> None:
    pause = Pause()
    pause.order(0.0, 3600)
    assert pause.order(4000.0, 3600) == 3600


def test_a_clock_that_jumps_back_makes_no_pause_longer() -> None:
    pause = Pause()
    pause.order(1000.0, 30)
    assert pause.left(400.0) == 30
    assert pause.left(430.0) == 0
