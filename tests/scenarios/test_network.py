"""Certificates of one's own, and a proxy: for the forge's API and for git alike."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.engine_proxy import abort
from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import make_bot
from tests.scenarios.world import World

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def test_a_forge_whose_certificate_is_signed_by_the_companys_own_authority(
    forge_url: str, images: None, tmp_path: Path
) -> None:
    context = _own_certificate(tmp_path / "ca.pem")
    async with ForgeClient(forge_url) as client, _listening(_to(forge_url), context) as port:
        url = f"https://127.0.0.1:{port}"
        bot = await make_bot(
            client,
            tmp_path,
            slug="behind-tls",
            waiting=shared(),
            CI_BOT_GITHUB__API_URL=f"{url}/api/v3",
            CI_BOT_GITHUB__WEB_URL=url,
            CI_BOT_CA_FILE=str(tmp_path / "ca.pem"),
        )
        bot.start()
        try:
            await _push_and_pass(World(client, bot, "behind-tls"))
        finally:
            bot.process.stop()


async def test_a_forge_that_is_reached_through_a_proxy_alone(
    forge_url: str, images: None, tmp_path: Path
) -> None:
    asked: list[str] = []
    async with ForgeClient(forge_url) as client, _listening(_proxy(forge_url, asked)) as port:
        bot = await make_bot(
            client,
            tmp_path,
            slug="behind-proxy",
            waiting=shared(),
            CI_BOT_GITHUB__API_URL="http://forge.invalid/api/v3",
            CI_BOT_GITHUB__WEB_URL="http://forge.invalid",
            CI_BOT_PROXY=f"http://127.0.0.1:{port}",
        )
        bot.start()
        try:
            await _push_and_pass(World(client, bot, "behind-proxy"))
        finally:
            bot.process.stop()
    assert any("/api/v3/" in line for line in asked)
    assert any("git-upload-pack" in line for line in asked)
    assert all(line.split()[1].startswith("http://forge.invalid/") for line in asked)


async def _push_and_pass(world: World) -> None:
    await world.found()
    await world.make_repo()
    sha = await world.push("main", again="1")
    assert (await world.check(sha))["conclusion"] == "success"


def _own_certificate(ca_file: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that nobody trusts but who is given `ca_file`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a company's own")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    ca_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    both = ca_file.with_name("server.pem")
    both.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + ca_file.read_bytes()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


@asynccontextmanager
async def _listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    writers: list[asyncio.StreamWriter] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(remember, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for writer in writers:
        abort(writer)
    await asyncio.sleep(0.2)


def _to(url: str) -> Serve:
    """Passes every byte on to the forge."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        await _both_ways((reader, writer), theirs)

    return serve


def _proxy(url: str, asked: list[str]) -> Serve:
    """A forward proxy for plain HTTP: whole URLs in request lines; one request a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        asked.append(line.decode())
        method, target, version = line.split()
        path = target.removeprefix(b"http://forge.invalid")
        theirs = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        headers = b"\r\n".join(one for one in rest.split(b"\r\n") if b"connection:" not in one.lower())
        theirs[1].write(b" ".join((method, path, version)) + b"\r\nConnection: close\r\n" + headers)
        await _both_ways((reader, writer), theirs)

    return serve


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(ours: Ends, theirs: Ends) -> None:
    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        except ConnectionError:
            return
        finally:
            target.close()

    await asyncio.gather(copy(ours[0], theirs[1]), copy(theirs[0], ours[1]))
