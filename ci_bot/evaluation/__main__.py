"""Questions on standard input → answers on standard output.

Two processes: one forks, so that the other has everything loaded already, and answers when the other is
killed over a question. What kills it is the kernel, by the processor time that it used: a machine that
is busy with something else makes no condition fail, and no library can be too busy to notice.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Final

from ci_bot.core.conditions import Answer, answer, evaluate
from ci_bot.core.conditions.evaluating import Values
from ci_bot.core.occasion import Facts
from ci_bot.evaluation.wire import framed, of_answer, question_of, received, send

#: Seconds of processor time for one condition.
DEADLINE: Final = 0.05
TOO_LONG: Final = f"it took more than {DEADLINE * 1000:.0f} ms"
CRASHED: Final = "evaluating it ended in a crash of the library; please report it"

MEMORY: Final = 2 * 1024**3  # of addresses: what is only mapped counts, too


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    evaluate("true", Values(Facts()))  # the library's start belongs to no question
    while True:
        pid = os.fork()
        if not pid:
            _answer_all()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        killer = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if not killer:
            return
        _say(Answer(False, TOO_LONG if killer == signal.SIGPROF else CRASHED))


def _answer_all() -> None:
    """Until nobody asks any more. What is not read yet is left to whoever comes next."""
    while message := received(sys.stdin.fileno()):
        question = question_of(message)
        signal.setitimer(signal.ITIMER_PROF, DEADLINE)
        found = answer(question)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say(found)


def _say(found: Answer) -> None:
    send(sys.stdout.fileno(), framed(of_answer(found)))


if __name__ == "__main__":
    main()
