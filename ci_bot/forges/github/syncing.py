"""The App as it is on GitHub brought in line with this server: its webhook moved, the rest told. I/O.

https://docs.github.com/rest/apps/webhooks
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ci_bot.core.errors import ForgeError
from ci_bot.forges.github.auth import Tokens
from ci_bot.forges.github.examination import problems, unaccepted, unused
from ci_bot.forges.payload import Fields, WrongShape

_PAGE: Final = 100
_MOST_PAGES: Final = 50


@dataclass(frozen=True, slots=True)
class AppSync:
    """`moved_from` is the webhook's address before, None if it was right; the rest is in words."""

    slug: str
    hook_url: str
    moved_from: str | None
    problems: tuple[str, ...]  # what an owner must do
    notes: tuple[str, ...]  # what an owner might do


async def sync(tokens: Tokens, hook_url: str) -> AppSync:
    """Raises `ForgeError`, `ForgeDenied` where the App's id and key do not go together."""
    app = await tokens.as_app("/app")
    lacking = problems(app)
    return AppSync(
        slug=Fields.of(app).name("slug"),
        hook_url=hook_url,
        moved_from=await _move_hook(tokens, hook_url),
        problems=(*lacking, *unaccepted(app, await _installations(tokens))),
        notes=unused(app),
    )


async def _move_hook(tokens: Tokens, hook_url: str) -> str | None:
    try:
        known = Fields.of(await tokens.as_app("/app/hook/config")).data
    except WrongShape as error:
        raise ForgeError("GitHub's answer does not describe the App's webhook") from error
    wanted = {"url": hook_url, "content_type": "json"}
    if all(known.get(name) == value for name, value in wanted.items()):
        return None
    await tokens.change_as_app("/app/hook/config", wanted)
    return str(known.get("url") or "nowhere")


async def _installations(tokens: Tokens) -> list[Any]:
    found: list[Any] = []
    for page in range(1, _MOST_PAGES + 1):
        answer = await tokens.as_app(
            "/app/installations{?per_page,page}", per_page=str(_PAGE), page=str(page)
        )
        if not isinstance(answer, list):
            raise ForgeError("GitHub's answer does not list the App's installations")
        found += answer
        if len(answer) < _PAGE:
            break
    return found
