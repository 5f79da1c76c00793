"""`deploy/nginx` and `deploy/caddy` as they are, in front of a real ci-bot: HTTPS, live logs, limits, and no more."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import docker
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from docker import APIClient

from ci_bot.ports import LogWriter
from dev.packages import NoPackagesError
from tests.conftest import REQUIRED
from tests.deploy.authority import issue
from tests.deploy.images import CADDY, NGINX, Made, ensure
from tests.rig import free_port
from tests.web.conftest import Site, site
from tests.web.test_live import a_running_step, address, events

__all__ = ["site"]

pytestmark = pytest.mark.docker

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "ci.EXAMPLE.com"
MIB = 1024**2
#: What a distribution's own nginx.conf has around ours.
AROUND = """\
daemon off; pid /tmp/nginx.pid; worker_processes 1; user root;
events {}
http {
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/f;
    uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; gzip on; gzip_types text/event-stream text/plain;
    include /test/ci-bot.conf;
}
"""


@dataclass
class Front:
    """A proxy in front of the site: what people's browsers and the forge reach."""

    session: aiohttp.ClientSession
    url: str
    engine: APIClient
    container: str

    def said(self) -> str:
        return str(self.engine.logs(self.container).decode())


class Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def nginx(folder: Path, port: int, upstream: int) -> Made:
    text = (DEPLOY / "nginx" / "ci-bot.conf").read_text()
    changes = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "    listen [::]:443 ssl http2;\n": "",
        f"/etc/ssl/{HOST}/": "/test/",
        "127.0.0.1:8080": f"127.0.0.1:{upstream}",
        "/var/log/nginx/ci-bot.log": "/dev/stdout",
        "/var/log/nginx/ci-bot.error.log": "/dev/stderr",
    }
    (folder / "ci-bot.conf").write_text(_changed(text, changes))
    (folder / "nginx.conf").write_text(AROUND)
    return NGINX


def caddy(folder: Path, port: int, upstream: int) -> Made:
    text = (DEPLOY / "caddy" / "Caddyfile").read_text()
    own = "\ttls /test/fullchain.pem /test/privkey.pem\n\tbind 127.0.0.1\n\tencode gzip\n"
    changes = {
        f"\n{HOST} {{\n": f"\n{HOST}:{port} {{\n{own}",
        "127.0.0.1:8080": f"127.0.0.1:{upstream}",
    }
    rest = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    (folder / "Caddyfile").write_text(rest + _changed(text, changes))
    return CADDY


def _changed(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.fixture
def engine() -> Iterator[APIClient]:
    client = docker.APIClient()
    yield client
    client.close()


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
async def front(
    request: pytest.FixtureRequest, site: Site, engine: APIClient, tmp_path: Path
) -> AsyncIterator[Front]:
    trusting = issue(tmp_path, HOST)
    port, upstream = free_port(), site.server.port
    assert upstream is not None
    try:
        image = ensure(engine, request.param(tmp_path, port, upstream))
    except NoPackagesError as error:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but there is no proxy: {error}", pytrace=False)
        pytest.skip(f"no packages: {error}")
    config = engine.create_host_config(
        binds=[f"{tmp_path}:/test:ro"], network_mode="host", tmpfs={"/tmp": "", "/root": ""}
    )
    made = engine.create_container(image, host_config=config, environment={"HOME": "/root"})["Id"]
    connector = aiohttp.TCPConnector(ssl=trusting, resolver=Here())
    try:
        engine.start(made)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
            url = f"https://{HOST.lower()}:{port}"
            site.links._public_url = url  # the pages hold the same object
            shown = Front(session, url, engine, made)
            await _answers(shown)
            yield shown
    finally:
        engine.remove_container(made, force=True)


async def _answers(front: Front) -> None:
    for _ in range(400):
        try:
            async with front.session.get(front.url + "/keys") as answer:
                assert answer.status == 200, front.said()
                return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)
    raise AssertionError(front.said())


@asynccontextmanager
async def got(front: Front, url: str, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with front.session.get(url, headers=sent) as answer:
        yield answer


async def test_people_and_the_forge_reach_what_they_should_and_nothing_else(
    front: Front, site: Site
) -> None:
    run, _, log = await a_running_step(site)
    page = site.links.url(run.id, None)
    assert page.startswith(front.url)
    async with got(front, page) as answer:
        assert answer.status == 200
        assert "max-age" in answer.headers["Strict-Transport-Security"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    async with got(front, page[:-4] + "0000") as answer:
        assert answer.status == 404
    await _is_live(front, address(site, run), log)
    await _has_limits(front, site)
    for path in ("/metrics", "/readyz", "/healthz", "/", "/hooks", "/nosuch", "/runs/../metrics"):
        async with got(front, front.url + path) as answer:
            assert answer.status == 404, path
    # Whatever is forwarded, the address is the one in the settings.
    async with got(front, site.links.list_url(run.repo), X_Forwarded_Proto="http") as answer:
        assert (answer.status, "Secure" in answer.headers["Set-Cookie"]) == (200, True)
    assert page.partition("key=")[2] not in front.said()
    log.close()


async def _is_live(front: Front, url: str, log: LogWriter) -> None:
    """Lines come while the step runs, so neither the proxy nor a compressor kept them."""
    async with got(front, url, Accept_Encoding="gzip") as answer:
        assert answer.status == 200
        assert "Content-Encoding" not in answer.headers
        coming = events(answer)
        for number in range(3):
            log.write(b"line %d\n" % number)
            _, data, _ = await asyncio.wait_for(anext(coming), 10)
            assert data["lines"][-1][1] == f"line {number}"


async def _has_limits(front: Front, site: Site) -> None:
    headers = {"X-Signature": "good", "X-Delivery": "d1"}
    large = b"x" * (24 * MIB)
    site.webhook.events[large] = None
    for path, body, statuses in (
        ("/hooks/github", large, [200]),
        ("/hooks/github", large + b"x" * (2 * MIB), [413]),
        ("/api/v1/runs/x/retry", b"x" * MIB, [413, 404]),  # 404: Caddy leaves it to the API, here none
    ):
        async with front.session.post(
            front.url + path, data=io.BytesIO(body), headers=headers
        ) as answer:
            assert answer.status in statuses, path
