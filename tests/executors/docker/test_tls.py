"""An engine behind TLS, as one of another machine is: what it writes comes whole, and what it is told arrives."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ci_bot.core.model import Exit
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import LINES, run, step
from tests.engine_proxy import Proxy
from tests.executors.docker.copying import blind, far_engine, far_instance, kept_far_instance

__all__ = ["blind", "far_engine", "far_instance", "kept_far_instance"]

pytestmark = pytest.mark.docker


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A directory as `DOCKER_CERT_PATH` wants it; one key and certificate for everybody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "engine")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path / "certs"
    folder.mkdir()
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(made.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    return folder


async def test_a_step_on_a_remote_engine(
    certificates: Path,
    blind: str,
    far_instance: str,
    job: JobSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # for the world, not for the engine
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    proxy = Proxy(tmp_path / "unused", blind.removeprefix("unix://"))
    (tmp_path / "run").mkdir()
    async with proxy.serving_tls(context) as port:
        url = f"tcp://127.0.0.1:{port}"
        executor = DockerExecutor(instance=far_instance, run_dir=tmp_path / "run", base_url=url)
        (job.workspace.path / "big").write_bytes(bytes(1 << 20))
        async with executor.session(job) as session:
            script = 'printf "%s" "$LONG" | wc -c; wc -c < big; seq 1 20000; exit 4'
            end, output = await run(session, step(script, BUSYBOX, env={"LONG": "x\n" * 50_000}))
        assert (end, output) == (Exit(4), b"100000\n1048576\n" + LINES)
        assert "does not see" in await executor.check()
        await executor.close()
