"""What the CEL compiler says of an expression → lines, columns and words for the author of `.ci.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ci_bot.core.conditions.language import CHANGES, FACTS, MACROS, MAPS, STANDARD, STATUS
from ci_bot.core.suggest import did_you_mean

MOST_SHOWN: Final = 3

_ERROR: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD: Final = re.compile(r"found no matching overload for '([^']*)' applied to '(.*)'")
_SYNTAX: Final = re.compile(r"Syntax error: (.*)")
_EXPECTING: Final = re.compile(r",? expecting .*$")
_UNEXPECTED: Final = re.compile(
    r"(?:mismatched|extraneous) input '(.*)'|no viable alternative at input '(.*)'"
)

#: needs.job-id.result is a subtraction.
_HYPHENATED: Final = re.compile(r"\b(?:needs|matrix|inputs)\.\w+-\w")

#: Names that people bring from elsewhere.
_FOREIGN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "github": 'write the name alone: event, branch, base, tag, actor, like branch == "main"',
        "github.event_name": "write event",
        "github.ref": "write branch, or tag",
        "github.ref_name": "write branch, or tag",
        "github.base_ref": "write base",
        "github.head_ref": "write branch",
        "github.actor": "write actor",
        "github.repository": "write repo",
        "startsWith": 'write branch.startsWith("…")',
        "endsWith": 'write branch.endsWith("…")',
        "contains": 'write branch.contains("…")',
        "and": "write &&",
        "or": "write ||",
        "not": "write !",
        "env": "a condition cannot read variables of the environment",
        "secrets": "a condition cannot read secrets",
    }
)
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string": "text",
        "int": "a number",
        "uint": "a number",
        "double": "a number",
        "bool": "true or false",
        "null": "null",
    }
)


def compiler_says(said: str, text: str) -> list[tuple[int, int, str, str]]:
    """(line, column, message, hint) of the first errors; the places count from 1."""
    if "${{" in text:
        return [(1, text.index("${{") + 1, "a condition is written without ${{ }}", "leave them out")]
    found = [
        _translated(int(line), int(column), what, text) for line, column, what in _ERROR.findall(said)
    ]
    if not found:
        return [(1, 1, *_whole(said))]
    if _HYPHENATED.search(text):
        line, column, message, _ = found[0]
        return [(line, column, message, 'a name with "-" goes into brackets: needs["job-id"].result')]
    return found[:1] if _is_syntax(said) else list(dict.fromkeys(found))[:MOST_SHOWN]


def _translated(line: int, column: int, what: str, text: str) -> tuple[int, int, str, str]:
    if line < 1:
        return (1, 1, *_whole(what))
    if undeclared := _UNDECLARED.match(what):
        return _undeclared(undeclared[1], line, column, text)
    if overload := _OVERLOAD.match(what):
        return (line, column, *_overload(overload[1], overload[2]))
    if syntax := _SYNTAX.match(what):
        return (line, column, *_syntax(_EXPECTING.sub("", syntax[1])))
    return line, column, what.split(" [", maxsplit=1)[0], ""


def _is_syntax(said: str) -> bool:
    """One slip makes several syntax errors, of which the first is the one to mend."""
    return "Syntax error" in said


def _whole(said: str) -> tuple[str, str]:
    if "recursion" in said:
        return "is nested too deeply", "write it flatter"
    if "incompatible function arguments" in said:
        return "contains something that is no character", "remove it"
    return said.split("\n", maxsplit=1)[0].removeprefix("INVALID_ARGUMENT: ").split(" [")[0], ""


def _undeclared(name: str, line: int, column: int, text: str) -> tuple[int, int, str, str]:
    row = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
    is_call = row[column - 1 : column] == "("
    known = (*STATUS, CHANGES, *STANDARD, *MACROS) if is_call else (*FACTS, *MAPS)
    what = "function" if is_call else "name"
    if is_call and name in (*STATUS, CHANGES):
        takes = "one pattern" if name == CHANGES else "nothing"
        return (
            line,
            column,
            f"{name}() takes {takes}",
            'like changes("src/**")' if name == CHANGES else "",
        )
    # The compiler points behind the first part of "a.b.c".
    start = row.rfind(name.split(".", maxsplit=1)[0], 0, column + len(name)) + 1 or column
    return line, start, f'unknown {what} "{name}"', _hint(name, known)


def _hint(name: str, known: tuple[str, ...]) -> str:
    foreign = _FOREIGN.get(name) or _FOREIGN.get(name.split(".", maxsplit=1)[0])
    if foreign:
        return foreign
    close = did_you_mean(name.split(".", maxsplit=1)[0], known)
    return close or f"text is written in quotes; there are {', '.join(sorted(known))}"


def _overload(function: str, types: str) -> tuple[str, str]:
    operator = function.strip("_").replace("@", "").replace("_", " ")
    given = [_type(each) for each in _split(types)]
    if function in ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_") and len(given) == 2:
        return f"{given[0]} is compared with {given[1]}", _comparing(given)
    if function in ("_&&_", "_||_", "!_"):
        wrong = next((each for each in given if each != "true or false"), given[0])
        return f'"{operator}" needs true or false, not {wrong}', 'compare it: branch == "main"'
    return f'"{operator}" does not work with {" and ".join(given)}', ""


def _comparing(given: list[str]) -> str:
    if "text" in given and "a number" in given:
        return "put the number in quotes"
    if "true or false" in given and "text" in given:
        return "leave the quotes out"
    return 'a need is written needs["job-id"].result' if "a map" in given else ""


def _split(types: str) -> list[str]:
    """ "(string, map(string, int))" → its two types."""
    found, depth = [""], 0
    for char in types.strip()[1:-1] if types.startswith("(") else types:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return [each.strip() for each in found]


def _type(name: str) -> str:
    if name.startswith("list"):
        return "a list"
    return "a map" if name.startswith("map") else _TYPES.get(name.split(".", maxsplit=1)[0], name)


def _syntax(what: str) -> tuple[str, str]:
    if "token recognition error" in what:
        sign = what.split("at: ", 1)[-1].strip().strip("'")
        if sign[:1] in ('"', "'"):
            return "a quote is not closed", ""
        hints = {"=": "equal is written ==", "&": "and is written &&", "|": "or is written ||"}
        return f'"{sign}" means nothing here', hints.get(sign[:1], "")
    if unexpected := _UNEXPECTED.search(what):
        sign = unexpected[1] or unexpected[2] or ""
        if sign == "<EOF>":
            return "something is missing at the end", ""
        return f'"{sign}" is not expected here', _FOREIGN.get(sign, "join parts by && or ||")
    return what.replace("'<EOF>'", "the end"), ""
