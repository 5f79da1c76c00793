"""Templates, Markdown and the small words (times, plurals) that the pages of all simulated forges share."""

from __future__ import annotations

import html
import re
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import jinja2
from aiohttp import web
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"
# Like the forge, a few harmless elements are let through, bare of attributes; comments vanish.
_TAG = re.compile(r"<!--.*?(?:-->|$)|<[^>]*>?|[^<]+", re.DOTALL)
_HARMLESS = re.compile(
    r"</?(?:details|summary|br|hr|sub|sup|kbd|b|i|em|strong|code|ins|del)\s*/?>|<details open>"
)


@cache
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    made.add_render_rule("html_block", _html)
    made.add_render_rule("html_inline", _html)
    made.add_render_rule("image", _image)
    return made


def _html(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    parts: list[str] = _TAG.findall(tokens[index].content)
    return "".join(_harmless(part) for part in parts)


def _harmless(part: str) -> str:
    if part.startswith("<!--"):
        return ""
    return part if _HARMLESS.fullmatch(part) else html.escape(part)


def _image(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    """Nothing is loaded from elsewhere: an image is its alternative text."""
    return f'<span class="image">{html.escape(tokens[index].content)}</span>'


def markdown(text: str | None) -> Markup:
    """HTML of a contributor's or a job's text; what is not harmless is shown, not obeyed."""
    rendered: str = _markdown().render(text or "")
    for source, box in (("<li>[ ] ", "<li>☐ "), ("<li>[x] ", "<li>☑ ")):
        rendered = rendered.replace(source, box)
    return Markup(rendered)  # noqa: S704  # escaped by the renderer


def ago(at: float | str | None) -> str:
    """``3 minutes ago``; takes seconds or RFC 3339."""
    if at is None or at == "":
        return ""
    seconds = max(time.time() - as_seconds(at), 0)
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{plural(int(seconds // size), name)} ago"
    return "just now"


def as_seconds(at: float | str) -> float:
    if isinstance(at, str):
        return datetime.fromisoformat(at).timestamp()
    return at


def took(start: str | None, end: str | None) -> str:
    if not start or not end:
        return ""
    seconds = max(int(as_seconds(end) - as_seconds(start)), 0)
    return f"{seconds // 60}m {seconds % 60}s" if seconds >= 60 else f"{seconds}s"


def plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


@cache
def environment(*first: Path) -> jinja2.Environment:
    """Templates of those folders, before the shared ones of the same name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*first, _TEMPLATES]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    filters = {"markdown": markdown, "ago": ago, "plural": plural}
    environment.filters.update(filters)
    return environment


@cache
def css() -> str:
    return (_TEMPLATES / "forge.css").read_text()


class Viewer(Protocol):
    """Who looks: an account of any forge."""

    @property
    def login(self) -> str: ...


def link(path: str, viewer: Viewer | None) -> str:
    """An address that keeps who is looking."""
    return f"{path}?as={viewer.login}" if viewer is not None else path


def page_response(text: str, status: int) -> web.Response:
    policy = "default-src 'none'; style-src 'self' 'unsafe-inline'; form-action *"
    headers = {"Content-Security-Policy": policy}
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)
