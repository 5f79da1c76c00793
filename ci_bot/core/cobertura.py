"""Cobertura reports of a job → what share of the lines its tests covered. Pure; the XML may be hostile.

What coverage.py, gcovr, Istanbul, gocover-cobertura, cargo-llvm-cov and their like write:
https://github.com/cobertura/cobertura/blob/master/cobertura/src/site/htdocs/xml/coverage-04.dtd
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException, DTDForbidden

from ci_bot.core.extras import Coverage
from ci_bot.core.markdown import clip

MOST_DEPTH: Final = 100  # a parser remembers each
MOST_NOTES: Final = 10

_COUNT: Final = re.compile(r"[0-9]{1,12}")
NO_COUNTS: Final = (
    "{some} of {all} reports have a line-rate alone; several are added up by lines-covered and lines-valid, "
    "so write one report for all"
)
NO_LINES: Final = "the reports know of no lines"


@dataclass(frozen=True, slots=True)
class _Lines:
    """Of one report. Without counts `valid` is 1, and `covered` the share."""

    covered: float
    valid: int
    is_counted: bool


def read_coverage(reports: Iterable[tuple[str, bytes]]) -> Coverage:
    """`reports` are names and contents. What cannot be read is told in `notes`, and fails nothing.

    There is a number for all reports or for none: that of a part would be taken for the whole. Only
    their roots are read, whose counts are summed; so a line should stand in one report alone.
    """
    found: list[_Lines] = []
    notes: list[str] = []
    for name, content in reports:
        try:
            found.append(_lines(content))
        except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
            notes.append(f"{name} is no Cobertura report that can be read: {_why(error)}")
    return Coverage(notes=tuple(notes[:MOST_NOTES])) if notes else _summed(found)


def covered(coverage: Coverage) -> str:
    """ "83.4 % of 1,200 lines", or "none"."""
    if coverage.percent is None:
        return "none"
    lines = (
        f"{coverage.lines:,} line{'' if coverage.lines == 1 else 's'}" if coverage.lines else "lines"
    )
    return f"{coverage.percent:g} % of {lines}"


def _summed(found: Sequence[_Lines]) -> Coverage:
    uncounted = sum(not each.is_counted for each in found)
    if uncounted and len(found) > 1:
        return Coverage(notes=(NO_COUNTS.format(some=uncounted, all=len(found)),))
    valid = sum(each.valid for each in found)
    if not valid:
        return Coverage(notes=(NO_LINES,))
    return Coverage(_percent(sum(each.covered for each in found), valid), 0 if uncounted else valid)


def _percent(part: float, whole: int) -> float:
    """To two places, but 100 for all alone, and 0 for nothing alone."""
    rounded = round(100 * part / whole, 2)
    if 0 < part < whole:
        return min(max(rounded, 0.01), 99.99)
    return rounded


def _lines(content: bytes) -> _Lines:
    root = _root(content)
    counts = [root.get("lines-covered", ""), root.get("lines-valid", "")]
    if not any(counts):
        return _Lines(_rate(root), 1, is_counted=False)
    if not all(map(_COUNT.fullmatch, counts)):
        raise ValueError("its lines-covered and lines-valid are no numbers of lines")
    part, whole = map(int, counts)
    if part > whole:
        raise ValueError(f"it covers {part} lines of {whole}")
    return _Lines(part, whole, is_counted=True)


def _rate(root: Mapping[str, str]) -> float:
    if "line-rate" not in root:
        raise ValueError("its root has no lines-covered and lines-valid, and no line-rate")
    rate = float(root["line-rate"])
    if not 0 <= rate <= 1:  # NaN neither
        raise ValueError(f"its line-rate is {root['line-rate']}, and not between 0 and 1")
    return rate


class _Opening:
    """Takes the root's name and attributes, and nothing that is nested without an end."""

    def __init__(self) -> None:
        self.tag = ""
        self._depth = 0
        self.attributes: Mapping[str, str] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if not self.tag:
            self.tag, self.attributes = tag, attributes
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ValueError(f"it is nested deeper than {MOST_DEPTH} levels")

    def end(self, _tag: str) -> None:
        self._depth -= 1


class _Parser(ElementTree.XMLParser):  # type: ignore[misc] # it has no types
    """Keeps nothing of what is in the root: reports have a line for each line of code.

    Most of them name a document type, which is not fetched; one that is declared in the report itself
    could give each of a million lines an attribute of a megabyte.
    """

    def __init__(self, opening: _Opening) -> None:
        super().__init__(target=opening, forbid_dtd=True)

    def defused_start_doctype_decl(
        self, name: str, sysid: str | None, pubid: str | None, has_internal_subset: int
    ) -> None:
        if has_internal_subset:
            raise DTDForbidden(name, sysid, pubid)


def _root(content: bytes) -> Mapping[str, str]:
    """Its attributes; the rest is looked through for being XML at all."""
    opening = _Opening()
    parser = _Parser(opening)
    parser.feed(content)
    parser.close()
    if opening.tag != "coverage":
        raise ValueError("its root is not coverage")
    return opening.attributes


def _why(error: Exception) -> str:
    if isinstance(error, DefusedXmlException):
        return "it declares a document type or entities of its own, which are not read"
    return clip(" ".join(str(error).split()), 200)
