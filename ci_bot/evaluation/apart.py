"""Questions → their answers, from the process of `__main__`, started when it is first asked."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from ci_bot.core.conditions import Answer, Question
from ci_bot.evaluation.wire import answer_of, framed, of_question, received, send

#: Seconds of the clock until a process that says nothing is given up: it was stopped, or the machine hangs.
PATIENCE: Final = 5.0
#: Questions that are under way together: so few that their answers fit into a pipe.
AT_ONCE: Final = 30
#: Cells of a matrix ask the same again and again, and first for their plan, then for its reasons.
MOST_KEPT: Final = 8192
SILENT: Final = "it could not be evaluated: the process for it says nothing"

#: What a Python process needs of the environment; nothing of it is told to anybody else.
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")


class Apart:
    """Implements `core.conditions.Evaluator`. Safe to call from several threads; blocks the caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._kept: OrderedDict[bytes, Answer] = OrderedDict()

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        messages = [of_question(question) for question in questions]
        with self._lock:
            known = {message: self._kept[message] for message in messages if message in self._kept}
            new = [message for message in dict.fromkeys(messages) if message not in known]
            for start in range(0, len(new), AT_ONCE):
                some = new[start : start + AT_ONCE]
                known |= zip(some, self._asked(some), strict=True)
            self._keep(known)
        return [known[message] for message in messages]

    def close(self) -> None:
        with self._lock:
            if self._process is not None:
                _ended(self._process)
            self._process = None

    def _keep(self, known: dict[bytes, Answer]) -> None:
        for message, answer in known.items():
            self._kept[message] = answer
            self._kept.move_to_end(message)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _asked(self, messages: list[bytes]) -> list[Answer]:
        """A process that is gone (killed for the machine's want of memory, say) is replaced once."""
        for _ in range(2):
            self._process = self._process or _started()
            try:
                return _answers(self._process, messages)
            except (OSError, ValueError):
                _ended(self._process)
                self._process = None
        return [Answer(False, SILENT) for _ in messages]


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ci_bot.evaluation"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,  # a terminal's Ctrl-C is for who asks, and who then closes
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )


def _answers(process: subprocess.Popen[bytes], messages: list[bytes]) -> list[Answer]:
    """Raises `OSError` or `ValueError` where there are none."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("a process without pipes")
    send(process.stdin.fileno(), b"".join(map(framed, messages)))
    return [_answer(process.stdout.fileno()) for _ in messages]


def _answer(file: int) -> Answer:
    if not select.select([file], [], [], PATIENCE)[0]:
        raise TimeoutError
    return answer_of(received(file))


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Closed, the one that answers sees that nobody asks any more; the one that waits for it follows."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.kill()
    process.wait()
