"""Which programs the images take, and where the machine gets one from."""

from __future__ import annotations

import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dev import images
from dev.images import ImagesError, ensure_images, static_busybox
from dev.recipes import BUSYBOX

HEAD_64 = b"\x7fELF\x02\x01\x01" + bytes(57)
HEAD_32_BIG = b"\x7fELF\x01\x02\x01" + bytes(57)


@given(st.binary(max_size=200), st.sampled_from((b"", HEAD_64, HEAD_32_BIG)))
@example(bytes(200), HEAD_64)
@example(b"\xff" * 200, HEAD_32_BIG[:7])
def test_any_bytes_are_static_or_not(rest: bytes, head: bytes) -> None:
    assert images._is_static(head + rest) in {True, False}


def test_a_program_with_shared_libraries_is_not_static() -> None:
    shell = shutil.which("sh")
    if shell is None or not Path(shell).read_bytes().startswith(b"\x7fELF"):
        pytest.skip("this machine has no sh to look at")
    if not subprocess.run(["ldd", shell], capture_output=True, check=False).stdout:
        pytest.skip("this machine's sh is static")
    assert not images._is_static(Path(shell).read_bytes())


def test_the_busybox_of_the_images_is_static(tmp_path: Path) -> None:
    try:
        program = static_busybox(tmp_path)
    except ImagesError as error:
        pytest.skip(str(error))
    assert images._is_static(program.read_bytes())
    assert not images._is_static(program.read_bytes()[:100])


def test_an_unknown_image_is_refused() -> None:
    with pytest.raises(ImagesError, match="no recipe for ci-bot/nothing:1; there are ci-bot/busybox:1"):
        ensure_images(["ci-bot/nothing:1"])


class Broken(BaseHTTPRequestHandler):
    """An engine that says its version, and has trouble with all else that it is asked."""

    def do_GET(self) -> None:
        is_version = self.path == "/version"
        said = b'{"ApiVersion": "1.41"}' if is_version else b'{"message": "no space left on device"}'
        self.send_response(200 if is_version else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


def test_what_the_engine_refuses_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        with pytest.raises(ImagesError, match=r"^the Docker engine refused: no space left on device"):
            ensure_images([BUSYBOX])
        server.shutdown()
