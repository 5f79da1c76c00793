"""The text of a YAML document → its tree, from parser events, bounded before anything is built.

PyYAML's own C composer recurses and ends the whole process on 50,000 nested brackets; reading the
scanner's events one by one does not, and stops at the first one beyond a limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from yaml import events
from yaml._yaml import CParser
from yaml.error import YAMLError

from ci_bot.core.pipeline.limits import Limits, size_in_words
from ci_bot.core.pipeline.merge import merged
from ci_bot.core.pipeline.report import Report, child, item, quoted
from ci_bot.core.pipeline.syntax import report_syntax
from ci_bot.core.pipeline.tree import START, Broken, Items, Mark, Node, Pairs, Scalar, kind
from ci_bot.core.suggest import did_you_mean

ALIAS_HINT: Final = "repeat less by aliases"

#: libyaml compares each with all before it, without letting any other thread run: 0.7 s for a full file.
_TAG_DIRECTIVE: Final = re.compile(r"^%TAG", re.MULTILINE)


@dataclass(slots=True)
class Spent:
    """What the files of one pipeline have cost together so far."""

    count: int = 0
    size: int = 0  # characters


def compose(text: str, limits: Limits, report: Report, spent: Spent) -> Node | None:
    """The root of the first document; None without one, or where reading stopped inside it.

    Reports syntax errors and limits (which stop the reading), and duplicate keys, tags, unknown
    aliases and further documents (which do not).
    """
    if directive := _TAG_DIRECTIVE.search(text):
        line = text.count("\n", 0, directive.start()) + 1
        report.add(Mark(line, 1), "", "this YAML directive is not supported", "remove the line")
        return None
    composer = _Composer(limits, report, spent)
    try:
        parser = CParser(text)
        while not isinstance(event := parser.get_event(), events.StreamEndEvent | None):
            composer.take(event)
    except (YAMLError, UnicodeError) as error:
        report_syntax(error, text, composer.last, report)
        return None
    except _Stop:
        pass
    return composer.root


class _Stop(Exception):
    """What was just reported makes it pointless or too costly to read on."""


@dataclass(frozen=True, slots=True)
class _Sized:
    """A node, and what it costs wherever an alias repeats it."""

    node: Node
    count: int
    size: int  # characters
    height: int


@dataclass(slots=True)
class _Open:
    """A list or map whose end has not been read."""

    mark: Mark
    path: str
    anchor: str | None
    is_map: bool
    is_tagged: bool
    nodes: list[Node] = field(default_factory=list)  # of a list
    pairs: list[tuple[Scalar, Node]] = field(default_factory=list)
    key: Node | None = None  # of the value that comes next
    count: int = 1
    size: int = 0
    height: int = 1

    def path_of_next(self) -> str:
        if not self.is_map:
            return item(self.path, len(self.nodes))
        return child(self.path, self.key.text) if isinstance(self.key, Scalar) else self.path


class _Composer:
    """Takes events one by one; `root` is there when the document's last one was taken."""

    def __init__(self, limits: Limits, report: Report, spent: Spent) -> None:
        self.root: Node | None = None
        self.last = START
        self._limits = limits
        self._report = report
        self._open: list[_Open] = []
        self._anchors: dict[str, _Sized | None] = {}  # None: its end has not been read
        self._spent = spent

    def take(self, event: events.Event) -> None:
        self.last = mark = _mark(event)
        match event:
            case events.ScalarEvent():
                self._scalar(event, mark)
            case events.AliasEvent():
                self._alias(event.anchor or "", mark)
            case events.CollectionStartEvent():
                self._start(event, mark)
            case events.CollectionEndEvent():
                self._end()
            case events.DocumentStartEvent() if self.root is not None:
                self._refuse_document(mark)

    def _scalar(self, event: events.ScalarEvent, mark: Mark) -> None:
        self._charge(1, len(event.value), mark)
        node: Node = Scalar(event.value, mark, plain=event.implicit[0])
        if event.tag is not None:
            self._report_tag(event.tag, mark)
            node = Broken(mark)
        self._place(_Sized(node, 1, len(event.value), 0), event.anchor)

    def _start(self, event: events.CollectionStartEvent, mark: Mark) -> None:
        self._charge(1, 0, mark)
        self._check_depth(1, mark)
        if event.tag is not None:
            self._report_tag(event.tag, mark)
        if event.anchor:
            self._anchors[event.anchor] = None
        is_map = isinstance(event, events.MappingStartEvent)
        self._open.append(_Open(mark, self._path(), event.anchor, is_map, event.tag is not None))

    def _end(self) -> None:
        done = self._open.pop()
        node: Node
        if done.is_tagged:
            node = Broken(done.mark)
        elif done.is_map:
            node = Pairs(merged(done.pairs, done.path, self._report), done.mark)
        else:
            node = Items(tuple(done.nodes), done.mark)
        self._place(_Sized(node, done.count, done.size, done.height), done.anchor)

    def _alias(self, name: str, mark: Mark) -> None:
        target = self._anchors.get(name)
        if target is None:
            self._report_alias(name, mark)
            target = _Sized(Broken(mark), 1, 0, 0)
        self._charge(target.count, target.size, mark)
        self._check_depth(target.height, mark)
        # What stands here is the alias; what stands inside it keeps its own place.
        self._place(replace(target, node=replace(target.node, mark=mark)), None)

    def _place(self, sized: _Sized, anchor: str | None) -> None:
        """Puts a finished node where it belongs: as root, item, key or value."""
        if anchor:
            self._anchors[anchor] = sized
        if not self._open:
            self.root = sized.node
            return
        parent = self._open[-1]
        parent.count += sized.count
        parent.size += sized.size
        parent.height = max(parent.height, sized.height + 1)
        if not parent.is_map:
            parent.nodes.append(sized.node)
        elif parent.key is None:
            self._check_key(sized.node, parent.path)
            parent.key = sized.node
        else:
            if isinstance(parent.key, Scalar):
                parent.pairs.append((parent.key, sized.node))
            parent.key = None

    def _path(self) -> str:
        return self._open[-1].path_of_next() if self._open else ""

    def _charge(self, count: int, size: int, mark: Mark) -> None:
        self._spent.count += count
        self._spent.size += size
        if self._spent.count > self._limits.nodes:
            message = f"more than {self._limits.nodes:,} keys and values, aliases counted in full"
            self._stop(mark, message, ALIAS_HINT)
        if self._spent.size > self._limits.expanded:
            message = (
                f"more than {size_in_words(self._limits.expanded)} of text, aliases counted in full"
            )
            self._stop(mark, message, ALIAS_HINT)

    def _check_depth(self, more: int, mark: Mark) -> None:
        if len(self._open) + more > self._limits.depth:
            self._stop(mark, f"nested deeper than {self._limits.depth} levels", "flatten it")

    def _stop(self, mark: Mark, message: str, hint: str) -> None:
        self._report.add(mark, "", message, hint)
        raise _Stop

    def _refuse_document(self, mark: Mark) -> None:
        message = "a second YAML document begins here"
        self._report.add(mark, "", message, 'remove the "---": there is one document in a file')
        raise _Stop

    def _check_key(self, node: Node, path: str) -> None:
        if isinstance(node, Broken | Scalar):
            return
        hint = 'quote the value if it is meant to begin with "{" or "["'
        self._report.add(node.mark, path, f"a key must be text, not {kind(node)}", hint)

    def _report_tag(self, tag: str, mark: Mark) -> None:
        written = tag.replace("tag:yaml.org,2002:", "!!")
        hint = 'put the value in quotes if the "!" belongs to it; otherwise remove the tag'
        self._report.add(mark, self._path(), f"YAML tag {quoted(written)} is not supported", hint)

    def _report_alias(self, name: str, mark: Mark) -> None:
        if name in self._anchors:
            self._report.add(mark, self._path(), f"alias {quoted(name)} stands inside what it names")
            return
        hint = "an anchor must come before its alias; quote a value that begins with *"
        self._report.add(
            mark,
            self._path(),
            f"no anchor {quoted('&' + name)} above",
            lambda: did_you_mean(name, self._anchors) or hint,
        )


def _mark(event: events.Event) -> Mark:
    mark = event.start_mark
    return Mark(mark.line + 1, mark.column + 1) if mark else START
