"""libyaml's complaint about broken YAML → the same in words for the author, with a hint."""

from __future__ import annotations

import re
from typing import Final

from yaml.error import MarkedYAMLError, YAMLError

from ci_bot.core.pipeline.report import Report
from ci_bot.core.pipeline.tree import Mark

_QUOTE_IT: Final = "put the value in quotes"
_ALIGN: Final = "give the keys of one map and the items of one list the same indentation"

#: (in libyaml's problem, in its context) → message, hint. The first row that fits counts.
#: https://github.com/yaml/libyaml/blob/0.2.5/src/scanner.c and parser.c
_WORDS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("tab character", "", "a tab stands in the indentation", "indent with spaces"),
    ("found unexpected end of stream", "", "this quote is never closed", "add the closing quote"),
    ("unexpected document indicator", "", "this quote is never closed", "add the closing quote"),
    ("mapping values are not allowed", "", 'a ": " where no key can be',
     "quote the value if the colon belongs to it; otherwise mend the indentation"),
    ("block sequence entries are not", "", 'a "- " where no list can begin',
     "begin the list on a line of its own"),
    ("mapping keys are not allowed", "", 'a "? " where no key can be', _QUOTE_IT),
    ("did not find expected key", "", "this does not belong to the map above it",
     _ALIGN),
    ("expected '-' indicator", "", "this does not belong to the list above it", _ALIGN),
    ("could not find expected ':'", "", "this line is neither a key nor part of a value",
     "add the colon and a space after the key, or indent the line"),
    ("expected ',' or ']'", "", 'this "[" is not closed, or a comma is missing', 'close it with "]"'),
    ("expected ',' or '}'", "", 'this "{" is not closed, or a comma is missing', 'close it with "}"'),
    ("expected node content", "flow", "a value is missing here", "remove the extra comma or bracket"),
    ("expected node content", "", "a value cannot begin like this", _QUOTE_IT),
    ("alphabetic or numeric", "alias", 'a "*" here is YAML\'s alias and needs a name', _QUOTE_IT),
    ("alphabetic or numeric", "anchor", 'a "&" here is YAML\'s anchor and needs a name', _QUOTE_IT),
    ("unknown escape character", "", "no such escape in double quotes",
     "use single quotes, or write the backslash twice"),
    ("hexdecimal number", "", "the escape lacks hexadecimal digits",
     "use single quotes, or write the backslash twice"),
    ("invalid Unicode character", "", "the escape names no character",
     "write the character itself, or \\U and its eight hexadecimal digits"),
    ("comment or line break", "block scalar", 'text stands beside "|" or ">"',
     "begin the text on the next line, indented"),
    ("indentation indicator", "", "a block of text cannot be indented by 0", 'write "|" alone'),
    ("tag", "", 'a "!" here is a YAML tag, which has no meaning in this file', _QUOTE_IT),
    ("", "tag", 'a "!" here is a YAML tag, which has no meaning in this file', _QUOTE_IT),
    ("", "directive", "this YAML directive is not supported", "remove the line"),
    ("directive", "", "this YAML directive is not supported", "remove the line"),
    ("incompatible YAML document", "", "only YAML 1.1 and 1.2 are read", "remove the %YAML line"),
    ("<document start>", "", "the document has ended before this", "remove what is left over"),
)  # fmt: skip

#: These are best shown where the thing begins, not where the scanner gave up.
_AT_CONTEXT: Final = ("quoted scalar", "flow sequence", "flow mapping")
_NO_TOKEN: Final = "cannot start any token"  # noqa: S105


def report_syntax(error: YAMLError | UnicodeError, text: str, last: Mark, report: Report) -> None:
    """Adds the one problem at which the scanner stopped, after `last`: nothing further was read."""
    if isinstance(error, MarkedYAMLError):
        message, hint = _words(error, text)
        report.add(_place(error) or last, "", message, hint)
    elif isinstance(error, UnicodeError):  # %-escapes of a tag that are not UTF-8: "!%ED%A0%80"
        report.add(last, "", "a YAML tag after this is not text", "remove the tag")
    else:
        report.add(last, "", f"not YAML: {' '.join(str(error).split())[:200]}")


def _words(error: MarkedYAMLError, text: str) -> tuple[str, str]:
    problem, context = error.problem or "", error.context or ""
    if _NO_TOKEN in problem:
        return _about_character(_character(error, text))
    if "did not find expected key" in problem and _line_before(error, text).strip():
        return "text follows a finished value", "quote the whole value or nothing of it"
    if "flow" in context and not text[_index(error) :].strip():
        return 'the file ends inside "[" or "{"', "close it"
    for in_problem, in_context, message, hint in _WORDS:
        if in_problem in problem and in_context in context:
            return message, hint
    return f"not YAML: {problem}", ""


def _about_character(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab stands in the indentation", "indent with spaces"
    return f'a value cannot begin with "{character}"', _QUOTE_IT


def _line_before(error: MarkedYAMLError, text: str) -> str:
    """What stands on its line before the place of the problem."""
    mark = error.problem_mark
    return text[mark.index - mark.column : mark.index] if mark else ""


def _character(error: MarkedYAMLError, text: str) -> str:
    index = _index(error)
    return text[index : index + 1]


def _index(error: MarkedYAMLError) -> int:
    return error.problem_mark.index if error.problem_mark else 0


def _place(error: MarkedYAMLError) -> Mark | None:
    context, problem = error.context or "", error.problem or ""
    begins = any(name in context for name in _AT_CONTEXT) and not re.search(
        "escape|hexdecimal", problem
    )
    mark = (error.context_mark if begins else None) or error.problem_mark or error.context_mark
    return Mark(mark.line + 1, mark.column + 1) if mark else None
