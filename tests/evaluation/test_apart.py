"""Conditions with a deadline: what takes too long is killed and told, and the next one finds an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ci_bot.core.conditions import Answer, Question, Values, answer, answered_by, evaluate
from ci_bot.core.occasion import Facts
from ci_bot.evaluation import Apart
from ci_bot.evaluation.__main__ import CRASHED, TOO_LONG

ITEMS = "[1,2,3,4,5,6,7,8,9,10]"

#: Refused where a file is read, since their cost can be seen; here as if they had not been.
FOREVER = '["' + "a" * 40 + '"]' + ".map(x, x + x)" * 22 + '.exists(x, x == "")'
TOO_BIG = FOREVER.replace(".map(x, x + x)", ".map(x, x + x + x)")


def question(text: str) -> Question:
    return Question(text, {"branch": "main"}, {}, {})


def one(apart: Apart, text: str) -> Answer:
    return apart([question(text)])[0]


def nested(depth: int) -> str:
    text = "true"
    for level in range(depth):
        text = f"{ITEMS}.all(x{level}, {text})"
    return text


@pytest.fixture
def apart() -> Iterator[Apart]:
    made = Apart()
    yield made
    made.close()


def test_answers_are_the_same_as_in_this_process(apart: Apart) -> None:
    for text in ('branch.contains("ai")', "1 / 0 == 1", 'branch.matches("(")', nested(2), nested(7)):
        assert one(apart, text) == answer(question(text))


def test_seven_nested_walks_over_ten_items_end(apart: Apart) -> None:
    assert "budget" in one(apart, nested(7)).error


def test_what_takes_longer_is_ended_and_told_and_the_next_is_answered(apart: Apart) -> None:
    assert one(apart, FOREVER) == Answer(False, TOO_LONG)
    assert one(apart, 'branch.contains("ai")') == Answer(True)
    assert one(apart, TOO_BIG).error in (TOO_LONG, CRASHED)
    assert one(apart, 'branch.contains("x")') == Answer(False)


def test_those_that_were_asked_together_lose_nothing_to_the_one_that_took_too_long(
    apart: Apart,
) -> None:
    texts = [f'"{number}".contains("7")' for number in range(100)]
    texts[41] = FOREVER
    answers = apart([question(text) for text in texts])
    assert answers[41] == Answer(False, TOO_LONG)
    assert [number for number, each in enumerate(answers) if each.holds] == [
        number for number in range(100) if "7" in str(number)
    ]


def test_long_errors_and_long_questions_fit(apart: Apart) -> None:
    labels = ["é" * 1000] * 100
    far = [
        Question(f'labels.all(l, int(l + "{number}") == 1)', {"labels": labels}, {}, {})
        for number in range(60)
    ]
    assert all("cannot convert" in each.error for each in apart(far))


def test_a_process_that_somebody_killed_is_replaced(apart: Apart) -> None:
    assert one(apart, 'branch.contains("ai")').holds
    (process,) = children()
    os.kill(process, signal.SIGKILL)
    assert one(apart, 'branch.contains("in")').holds


def test_it_ends_with_whoever_asked() -> None:
    made = Apart()
    assert one(made, 'branch.contains("ai")').holds
    (process,) = children()
    answering = children(process)
    made.close()
    while any(Path(f"/proc/{pid}").exists() for pid in (process, *answering)):
        time.sleep(0.01)


async def test_the_event_loop_turns_while_somebody_waits(apart: Apart) -> None:
    turned = asyncio.Event()

    async def turn() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        turned.set()

    waiting = asyncio.create_task(asyncio.to_thread(one, apart, FOREVER))
    await turn()
    assert turned.is_set()
    assert (await waiting).error == TOO_LONG


def test_what_walks_or_searches_is_asked_there_and_nothing_else(apart: Apart) -> None:
    asked: list[str] = []

    def noted(questions: Sequence[Question]) -> Sequence[Answer]:
        asked.extend(each.text for each in questions)
        return apart(questions)

    values = Values(Facts(event="push", branch="main", labels=("ui",)))
    far = ('labels.exists(l, l == "ui")', 'branch.matches("^m")', 'branch.contains("ai")')
    with answered_by(noted):
        assert evaluate('event == "push" && branch.startsWith("m") && "ui" in labels', values).holds
        assert all(evaluate(text, values).holds for text in far)
    assert asked == list(far)
    assert evaluate(far[0], values).holds
    assert len(asked) == len(far)


def test_several_threads_may_ask(apart: Apart) -> None:
    wrong: list[int] = []

    def ask(number: int) -> None:
        if not one(apart, f'(branch + "{number}").contains("main{number}")').holds:
            wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def children(of: int | None = None) -> list[int]:
    """Of this process those that evaluate. https://man7.org/linux/man-pages/man5/proc_pid_task.5.html"""
    found = [
        int(pid)
        for listed in Path(f"/proc/{of or os.getpid()}/task").glob("*/children")
        for pid in listed.read_text().split()
    ]
    return [pid for pid in found if b"ci_bot.evaluation" in Path(f"/proc/{pid}/cmdline").read_bytes()]
