"""The words of conditions: variables, functions and operators, and the library's environment for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from cel_expr_python import cel

#: More cannot stand in one condition.
MAX_LENGTH: Final = 1000

_TEXT: Final = cel.Type.STRING
_BOOL: Final = cel.Type.BOOL
_TEXTS: Final = cel.Type.Map(_TEXT, _TEXT)

LABELS: Final = "labels"

#: Those that are variables of their own; `Facts` has a field of each one's name.
FACTS: Final = ("event", "branch", "base", "tag", "repo", "actor", "draft", "fork", LABELS)
#: Those that hold others by name.
MAPS: Final = ("matrix", "inputs", "needs")

VARIABLES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        **dict.fromkeys(("event", "branch", "base", "tag", "repo", "actor"), _TEXT),
        **dict.fromkeys(("draft", "fork"), _BOOL),
        LABELS: cel.Type.List(_TEXT),
        **dict.fromkeys(("matrix", "inputs"), _TEXTS),
        "needs": cel.Type.Map(_TEXT, _TEXTS),
    }
)

#: What ask how the steps or jobs before went: a condition without any of them implies `success()`.
STATUS: Final = ("success", "failure", "cancelled", "always")
CHANGES: Final = "changes"
MATCHES: Final = "matches"
SEARCHES: Final = frozenset({MATCHES, "contains"})

#: CEL's own that a condition may call. What is not here is either of no use (there is no time to ask
#: for) or no one knows what it costs.
STANDARD: Final = frozenset({"size", "contains", "startsWith", "endsWith", MATCHES, "int", "string"})
MACROS: Final = ("all", "exists", "exists_one", "filter", "map", "has")

#: The values of `needs["…"].result`.
RESULTS: Final = ("success", "failure", "cancelled", "skipped")

#: What the functions answer in one evaluation, by name.
Answers: TypeAlias = Mapping[str, Callable[..., bool]]

#: The library binds functions when it compiles. What is compiled once is evaluated many times, so they
#: look here for what to answer.
_ANSWERS: Final[ContextVar[Answers]] = ContextVar("answers")


@lru_cache(maxsize=4096)
def compiled(text: str) -> cel.Expression:
    """Raises `RuntimeError` with the library's text where it is no expression of these words, and
    `TypeError` for text that is no Unicode.
    """
    return _environment().compile(text)


def evaluated(text: str, values: Mapping[str, Any], answers: Answers) -> cel.Value:
    """Raises `RuntimeError` where the library gives up: its limits of iterations and of recursion."""
    token = _ANSWERS.set(answers)
    try:
        return compiled(text).eval(data=dict(values))
    finally:
        _ANSWERS.reset(token)


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    functions = [*(_function(name) for name in STATUS), _function(CHANGES, _TEXT)]
    return cel.NewEnv(variables=VARIABLES, functions=functions)


def _function(name: str, *parameters: Any) -> cel.FunctionDecl:
    def answer(*arguments: object) -> bool:
        return _ANSWERS.get()[name](*arguments)

    overload = cel.Overload(id=name, return_type=_BOOL, parameters=parameters, impl=answer)
    return cel.FunctionDecl(name, [overload])
