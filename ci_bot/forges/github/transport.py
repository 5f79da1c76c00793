"""The operator's network settings in, an HTTP session for the forge out. I/O."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aiohttp

from ci_bot.forges.tls import trust

#: GitHub takes 100 at once from an App, in all of its processes; others wait here.
#: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
_AT_ONCE: Final = 50


def open_session(ca_file: Path | None = None, proxy: str | None = None) -> aiohttp.ClientSession:
    """For the running loop; the caller closes it.

    `ca_file` adds certificates, in PEM, to the system's. `proxy` is a URL and may hold credentials.
    The environment is not asked: with it would come ~/.netrc, whose entries break our own
    Authorization. Cookies are not kept. Raises `SettingsError` for an unusable `ca_file`.
    """
    connector = aiohttp.TCPConnector(limit=_AT_ONCE, ssl=trust(ca_file))
    return aiohttp.ClientSession(
        connector=connector, proxy=proxy, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    )
