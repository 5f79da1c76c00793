"""The lines of a comment in, the numbers of those out that are text of the comment in plain sight."""

# GitHub renders with cmark-gfm and what it has added to it; we read with markdown-it. Where the two may
# differ, and where HTML is not the simplest, nothing is taken for visible: an overlooked command is typed
# again, an invisible one would be a hole.

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import table
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

#: What is longer is read up to here; GitHub's own limit for a comment.
MAX_CHARACTERS: Final = 65_536
MAX_LINES: Final = 4096
#: Inline markup costs the most: paragraphs that are longer, and all that follow once so much has been
#: looked into, are not searched.
MAX_PARAGRAPH: Final = 2048
MAX_INLINE: Final = 8192

#: What may begin before a line, and one of what would then have to come for it to reach over the line.
_SPANS: Final = (("`", "`"), ("~", "~"), ("$", "$"), ("<", ">"), ("[", "])"))

#: https://html.spec.whatwg.org/multipage/syntax.html#void-elements and older ones without an end.
_VOID: Final = re.compile(
    """area|base|basefont|bgsound|br|col|embed|frame|hr|image|img|input|keygen|link|meta|param|track
    |wbr""",
    re.VERBOSE,
)

#: After these nothing is read: browsers read on in another way or drop what is in them, or versions of
#: CommonMark differ on whether they begin a block.
_FATAL: Final = re.compile(
    """frameset|iframe|math|noembed|noframes|noscript|plaintext|script|search|select|source|style|svg
    |template|textarea|title|xmp""",
    re.VERBOSE,
)

#: All other elements of HTML, of today and of yesterday, and custom ones. `List<String>` is none.
_ELEMENT: Final = re.compile(
    """a|abbr|acronym|address|applet|article|aside|audio|b|bdi|bdo|big|blink|blockquote|body|button
    |canvas|caption|center|cite|code|colgroup|command|content|data|datalist|dd|del|details|dfn|dialog
    |dir|div|dl|dt|element|em|fieldset|figcaption|figure|font|footer|form|h[1-8]|head|header|hgroup|html
    |i|ins|isindex|kbd|label|legend|li|listing|main|map|mark|marquee|menu|menuitem|meter|multicol|nav
    |nextid|nobr|object|ol|optgroup|option|output|p|picture|portal|pre|progress|q|rb|rp|rt|rtc|ruby|s
    |samp|section|selectedcontent|shadow|slot|small|spacer|span|strike|strong|sub|summary|sup|table|tbody
    |td|tfoot|th|thead|time|tr|tt|u|ul|var|video|[^-]+-.*""",
    re.VERBOSE,
)

#: These hide what is in them, or begin a block for GitHub alone. Within a paragraph they end the
#: reading, even in a code span or a link: that may be none for GitHub.
_HIDING: Final = re.compile(
    r"</?(?:details|dialog|rp|search|source|summary|template)(?![a-z0-9-])", re.IGNORECASE
)

_MARKUP: Final = re.compile(r"<(?:[!?]|/?(?P<name>[A-Za-z][A-Za-z0-9-]*+)|/)")

#: What CommonMark of any version, GitHub's and browsers alike take for a tag or a comment.
_TAG: Final = re.compile(
    r"""<(?P<end>/)?(?P<name>[A-Za-z][A-Za-z0-9-]*+)
    (?(end)|(?:
        [ \t\n]++[A-Za-z_:][\w:.-]*+
        (?:[ \t\n]*+=[ \t\n]*+(?:[^"'=<>`\x00-\x20]++|'[^']*+'|"[^"]*+"))?+
    )*+)
    [ \t\n]*+(?(end)|/?)>
    |<!--(?!-?>)(?P<comment>.*?)-->""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)

#: Blocks that end where everybody sees it, whatever comes next.
_CLEAR: Final = frozenset({"fence", "heading_open", "hr"})

#: Once in lower case it was no HTML.
_DECLARATION: Final = re.compile(r"[ \t>]*+<![a-z]")

#: With spaces below, these make a list that only GitHub goes on with.
_EMPTY_ITEM: Final = re.compile(r"(?:^|[ \t>])(?:[-+*]|[0-9]{1,9}[.)])[ \t]*$")

#: White space to one of the readers of a block of HTML and none to another, and other controls.
_ODD: Final = re.compile(r"[^\S \t\n]|[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class _Page:
    lines: Sequence[str]
    wanted: Collection[int]
    blank: Sequence[int]
    math: Sequence[int]  # lines with the sign of a block of mathematics
    rules: Sequence[int]  # lines that may make the lines above them a heading, or that of a table

    def paragraph(self, start: int, stop: int) -> tuple[int, int]:
        """These lines and those around them, as far as no line is blank."""
        before = bisect_left(self.blank, start)
        after = bisect_left(self.blank, stop)
        return (
            self.blank[before - 1] + 1 if before else 0,
            self.blank[after] if after < len(self.blank) else len(self.lines),
        )

    def is_special(self, number: int, start: int, stop: int) -> bool:
        """Whether there may be a heading, a table or a formula in the lines, or one around the line."""
        in_formula = bool(self.math) and self.math[0] <= number <= self.math[-1]
        return in_formula or any(
            bisect_left(found, start) != bisect_left(found, stop) for found in (self.math, self.rules)
        )


def visible(lines: Sequence[str], wanted: Collection[int]) -> frozenset[int]:
    """Those of the `wanted` lines, which begin with a slash, that stand in plain sight.

    They are plain text of a paragraph that is in nothing else: no quote, list, table or code, no HTML
    element, comment, link or emphasis around them; and before anything that looks like a footnote or
    the signature of an e-mail, which GitHub moves or folds away.
    """
    page = _Page(
        lines,
        wanted,
        blank=[number for number, line in enumerate(lines) if not line.strip(" \t")],
        math=[number for number, line in enumerate(lines) if "$$" in line],
        rules=[number for number, line in enumerate(lines) if _is_rule(line)],
    )
    env: dict[str, Any] = {}
    blocks = _MARKDOWN.parse("\n".join(lines[: _readable(page)]), env)
    return frozenset(_in_sight(_with_inline(blocks, page, env)))


def _is_rule(line: str) -> bool:
    return ("-" in line or "=" in line) and not line.strip(" \t\v\f|:-=")


def _readable(page: _Page) -> int:
    """How many lines are read: as many as are allowed and certain, and no paragraph in part."""
    size, before = 0, ""
    for number, line in enumerate(page.lines):
        size += len(line) + 1
        if size > MAX_CHARACTERS + 1 or number == MAX_LINES or _ends_the_text(line, before):
            return page.paragraph(number, number)[0]
        before = line
    return len(page.lines)


def _ends_the_text(line: str, before: str) -> bool:
    """Whether the rest may be shown elsewhere or not at all, or be nested as only GitHub knows."""
    return (
        ("[^" in line and "]:" in line.partition("[^")[2])  # the definition of a footnote
        or line.rstrip(" \t") == "--"  # the signature of an e-mail
        or _is_odd_quote(line)
        or _DECLARATION.match(line) is not None
        or (bool(line) and not line.strip(" \t>") and bool(_EMPTY_ITEM.search(before)))
    )


def _is_odd_quote(line: str) -> bool:
    """With so much before it a `>` begins no quote, but markdown-it takes it for the next line of one."""
    marks = line[: len(line) - len(line.lstrip(" \t>"))].rstrip(" \t")
    return "\t" in marks or "    " in marks


def _in_sight(tokens: Iterable[Token]) -> Iterator[int]:
    """The numbers of lines of which all is text, directly in a paragraph that is in nothing."""
    inside: list[str] = []
    held: int | None = None
    for token in tokens:
        if held is not None and token.type in {"softbreak", "hardbreak", "paragraph_close"}:
            yield held
        if token.type != "text":
            held = None
        if token.type == _SLASH and inside == ["paragraph_open"]:
            held = token.meta["line"]
        if not _enter(inside, token):
            return


def _enter(inside: list[str], token: Token) -> bool:
    """Whether tags are nested as they should be; where not, nobody knows what a browser makes of it."""
    match token.type:
        case "html_block":
            return not _ODD.search(token.content) and _enter_html(inside, token.content)
        case "html_inline":
            return _enter_html(inside, token.content)
    if token.nesting == 1:
        inside.append(token.type)
    elif token.nesting == -1:
        return bool(inside) and inside.pop() == token.type.replace("_close", "_open")
    return True


def _enter_html(inside: list[str], html: str) -> bool:
    at = 0
    while found := _MARKUP.search(html, at):
        tag = _TAG.match(html, found.start())
        if tag is None or not _enter_tag(inside, tag):
            return False
        at = tag.end()
    return True


def _enter_tag(inside: list[str], tag: re.Match[str]) -> bool:
    if tag["comment"] is not None:
        # Browsers end a comment at `--!>` too, and some versions of CommonMark have no `--` in one.
        return "<" not in tag["comment"].partition("--")[2]
    name = tag["name"].lower()
    if _FATAL.fullmatch(name):
        return False
    if _VOID.fullmatch(name) or not _ELEMENT.fullmatch(name):
        return True
    if tag["end"]:
        return bool(inside) and inside.pop() == name
    inside.append(name)
    return True


def _with_inline(blocks: Iterable[Token], page: _Page, env: Mapping[str, Any]) -> Iterator[Token]:
    """All tokens in the order of the text, up to where it becomes uncertain or too costly.

    Left out is inline content with neither HTML nor a wanted line: it changes nothing for others.
    """
    budget, readable = MAX_INLINE, _first_definition(env)
    floor = end = 0
    for token in blocks:
        if token.level == 0 and token.map:
            floor, end = end, token.map[1] if token.type in _CLEAR else 0
        if _is_doubtful(token, page, readable):
            return
        if token.type != "inline":
            yield token
            continue
        free = _free_lines(token, page, floor)
        if not free and not _has_html(token.content):
            continue
        budget -= len(token.content)
        if budget < 0 or len(token.content) > MAX_PARAGRAPH or _HIDING.search(token.content):
            return
        found = {**env, "first": token.map[0] if token.map else 0, "free": free}
        yield from _MARKDOWN.inline.parse(token.content, _MARKDOWN, found, [])


def _first_definition(env: Mapping[str, Any]) -> float:
    """The line of the first definition of a link. What comes below without a blank line is something
    new to markdown-it and may go on with a paragraph to GitHub: all may then be nested differently."""
    return min((found["map"][0] for found in env.get("references", {}).values()), default=inf)


def _is_doubtful(token: Token, page: _Page, readable: float) -> bool:
    """Whether GitHub may see other blocks from here on."""
    if token.map and token.map[1] > readable:
        return True
    if token.type == "code_block":  # it may go on with a paragraph, too far to the left for its list
        start = token.map[0] if token.map else 0
        return start > 0 and bool(page.lines[start - 1].strip(" \t>"))
    return token.type == "inline" and (_may_be_table(token.content) or _has_lazy_html(token))


def _may_be_table(text: str) -> bool:
    """GitHub also makes a table of `a` above `:-`; markdown-it wants a bar in both."""
    lines = text.split("\n") if "|" in text or ":" in text else ()
    return any(_is_rule(line) and ("|" in line or ":" in line) for line in lines)


def _has_lazy_html(token: Token) -> bool:
    """GitHub ends a quote or list at a tag where markdown-it goes on with the paragraph in it."""
    if token.level == 1 or "<" not in token.content:
        return False
    lines = token.content.split("\n")[1 if _is_whole(token) else 0 :]
    return any(line.lstrip(" \t").startswith("<") for line in lines)


def _is_whole(token: Token) -> bool:
    """Odd white space, and with it whole lines, may have been cut off."""
    start, stop = token.map or (0, 0)
    return token.content.count("\n") == stop - start - 1


def _has_html(text: str) -> bool:
    names = (found["name"] for found in _MARKUP.finditer(text))
    return any(name is None or _is_known(name.lower()) for name in names)


def _is_known(name: str) -> bool:
    return any(kind.fullmatch(name) for kind in (_ELEMENT, _VOID, _FATAL))


def _free_lines(token: Token, page: _Page, floor: int) -> frozenset[int]:
    """The wanted lines of a paragraph that nothing can reach over, by whatever rules; they begin at
    `floor` at the earliest."""
    start, stop = token.map or (0, 0)
    if token.level != 1 or not _is_whole(token) or len(token.content) > MAX_PARAGRAPH:
        return frozenset()
    wanted = [number for number in range(start, stop) if number in page.wanted]
    return frozenset(number for number in wanted if _is_free(number, page, floor))


def _is_free(number: int, page: _Page, floor: int) -> bool:
    start, stop = page.paragraph(number, number)
    if page.is_special(number, max(start, floor), stop):
        return False
    before = "\n".join(page.lines[max(start, floor) : number])
    after = "\n".join(page.lines[number:stop])
    if "]:" in before:  # the address or title of a link may follow
        return False
    if ("*" in before or "_" in before) and ("~" in before or "~" in after):
        return False  # GitHub looks past a `~` for what opens or closes emphasis
    begun = [closings for opening, closings in _SPANS if opening in before]
    return not any(closing in after for closings in begun for closing in closings)


_SLASH: Final = "slash"


def _slash(state: StateInline, silent: bool) -> bool:
    """A rule of markdown-it: the slash that a free line begins with, where inline content may begin.

    Only there: nothing of a code span, an HTML tag or the address or title of a link gets here.
    """
    if state.src[state.pos] != "/":
        return False
    start = state.src.rfind("\n", 0, state.pos) + 1
    line = state.env["first"] + state.src.count("\n", 0, start)
    if line not in state.env["free"] or state.src[start : state.pos].strip(" \t"):
        return False
    if not silent:
        state.push(_SLASH, "", 0).meta = {"line": line}
    state.pos += 1
    return True


def _markdown() -> MarkdownIt:
    """Reads blocks; inline content is read apart, where it matters."""
    markdown = MarkdownIt("commonmark").enable("strikethrough")
    # As for the forge, a table is a paragraph until its second line: all other blocks go first.
    markdown.block.ruler.before("lheading", "bars", table, {"alt": ["paragraph", "reference"]})
    markdown.core.ruler.enableOnly(["normalize", "block"])
    markdown.inline.ruler.before("text", "slash", _slash)
    # The forge takes any address for one, and removes what is dangerous later.
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    return markdown


_MARKDOWN: Final = _markdown()
