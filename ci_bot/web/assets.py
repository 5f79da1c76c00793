"""Templates, and the few files of our own that pages load: from the package, under names that hold their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ci_bot.core.page.palette import style_sheet

_HERE: Final = Path(__file__).parent
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Assets:
    """`/static/page.1a2b3c4d5e.css`: whoever has one never asks for it again, and a new version has a new name."""

    def __init__(self) -> None:
        contents = {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir())}
        contents["colours.css"] = style_sheet().encode()
        self._names = {name: _hashed(name, content) for name, content in contents.items()}
        self._contents = {self._names[name]: content for name, content in contents.items()}
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["iso"] = _iso

    def render(self, template: str, base: str, **values: Any) -> str:
        def asset(name: str) -> str:
            return f"{base}/static/{self._names[name]}"

        return self._templates.get_template(template).render(asset=asset, base=base, **values)

    def find(self, name: str) -> bytes | None:
        return self._contents.get(name)

    @property
    def names(self) -> Mapping[str, str]:
        return self._names


@cache
def assets() -> Assets:
    """Those of this process: made once, since nothing in them ever changes."""
    return Assets()


def response(assets: Assets, name: str) -> web.Response:
    content = assets.find(name)
    if content is None:
        return web.Response(status=404, text="no such file\n")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    kind = _TYPES[Path(name).suffix]
    return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)


def _hashed(name: str, content: bytes) -> str:
    path = Path(name)
    return f"{path.stem}.{hashlib.sha256(content).hexdigest()[:10]}{path.suffix}"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
