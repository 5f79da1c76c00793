"""The operator's network settings in; a session for GitLab, that goes to one host alone, out. I/O."""

from __future__ import annotations

import ssl
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from ci_bot.forges.tls import trust

#: Requests at once; each holds a thread.
AT_ONCE: Final = 8


class Session(requests.Session):
    """One whose threads share nothing but connections.

    The environment is not asked: with it would come ~/.netrc and proxies of others. Redirects are not
    followed: `requests` would take our token along. Cookies are not kept.
    """

    def __init__(self, ca_file: Path | None, proxy: str | None) -> None:
        """Raises `SettingsError` for an unusable `ca_file`, which adds to the system's certificates."""
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if proxy:
            self.proxies = {"http": proxy, "https": proxy}
        adapter = _Trusting(trust(ca_file))
        self.mount("https://", adapter)
        self.mount("http://", adapter)


class _Trusting(HTTPAdapter):
    """Believes the certificates of one context, and not the list that `requests` brings along.

    https://requests.readthedocs.io/en/latest/user/advanced/#transport-adapters
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=2, pool_maxsize=AT_ONCE)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **more)

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **more)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context does it."""
