"""Which programs the images take, and where the machine gets one from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dev import images
from dev.images import ImagesError, ensure_images, static_busybox

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
