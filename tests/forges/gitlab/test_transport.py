"""Whose certificates are believed, and what of the environment is not."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ci_bot.core.errors import ForgeError
from ci_bot.forges.gitlab import GitLab
from tests.forges.gitlab.scene import REPO, ShiftedClock, Stub

SHA = "a" * 40


def certified(folder: Path, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private authority")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return certificate, private


@asynccontextmanager
async def tls_server(certificate: Path, key: Path) -> AsyncIterator[tuple[str, list[web.Request]]]:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"message": "hello"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def ask(gitlab: GitLab) -> str:
    try:
        return await gitlab.commit_message(REPO, SHA)
    finally:
        await gitlab.close()


async def test_a_server_of_ones_own_is_believed_by_the_operators_certificate_alone(
    tmp_path: Path,
) -> None:
    certificate, key = certified(tmp_path)
    async with tls_server(certificate, key) as (url, asked):
        assert (
            await ask(GitLab(url=url, token="t", clock=ShiftedClock(), ca_file=certificate)) == "hello"
        )
        with pytest.raises(ForgeError, match="cannot be reached"):
            await ask(GitLab(url=url, token="t", clock=ShiftedClock()))
    assert len(asked) == 1  # nobody who is not believed sees a token


async def test_a_certificate_for_another_host_is_not_believed(tmp_path: Path) -> None:
    certificate, key = certified(tmp_path, "127.0.0.2")
    async with tls_server(certificate, key) as (url, asked):
        with pytest.raises(ForgeError, match="cannot be reached"):
            await ask(GitLab(url=url, token="t", clock=ShiftedClock(), ca_file=certificate))
    assert asked == []


async def test_requests_go_through_the_operators_proxy_and_no_other(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stub.says({"message": "hello"}, {"message": "hello"})
    clock = ShiftedClock()
    through = GitLab(url="http://gitlab.example.com", token="t", clock=clock, proxy=stub.url)
    assert await ask(through) == "hello"
    assert stub.asked[0].headers["Host"] == "gitlab.example.com"
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert await ask(GitLab(url=stub.url, token="t", clock=clock)) == "hello"
    assert stub.asked[1].headers["Authorization"] == "Bearer t"
