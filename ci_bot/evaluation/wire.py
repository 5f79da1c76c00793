"""Questions and answers as messages: four bytes that say how long, then JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from typing import Final

from ci_bot.core.conditions import Answer, Question

LENGTH: Final = 4
MOST_SAID: Final = 300


def of_question(question: Question) -> bytes:
    return json.dumps(asdict(question)).encode()


def question_of(message: bytes) -> Question:
    return Question(**json.loads(message))


def of_answer(answer: Answer) -> bytes:
    """Bounded, so that some answers fit into a pipe whose reader is still busy with asking."""
    answer = replace(answer, error=answer.error[:MOST_SAID])
    return json.dumps(asdict(answer)).encode()


def answer_of(message: bytes) -> Answer:
    return Answer(**json.loads(message))


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(LENGTH, "big") + message


def received(file: int) -> bytes:
    """The next message, b"" where there is none any more. Takes nothing of what comes behind it."""
    return _exactly(file, int.from_bytes(_exactly(file, LENGTH), "big"))


def _exactly(file: int, number: int) -> bytes:
    found = b""
    while len(found) < number:
        piece = os.read(file, number - len(found))
        if not piece:
            return b""
        found += piece
    return found


def send(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
