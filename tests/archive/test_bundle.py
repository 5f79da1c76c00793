"""A backup's file: it appears whole or not at all, and whatever was changed in it is found."""

from __future__ import annotations

import io
import re
import stat
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ci_bot.archive.bundle import unpack, writing
from ci_bot.core.backup import Manifest
from ci_bot.core.errors import StoreError

FILES = {"ci-bot.db": b"rows" * 5000, "logs/job1/0.log": b"line\n" * 100, "logs/job1/0.end": b""}


def make(path: Path, files: dict[str, bytes] | None = None) -> Path:
    with writing(path) as bundle:
        for name, content in (FILES if files is None else files).items():
            bundle.add_bytes(name, content)
        bundle.finish(Manifest(1.0, "0.1.0", "0001", dict(bundle.entries)))
    return path


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    path = make(tmp_path / "b.tar.zst")
    into = tmp_path / "out"
    into.mkdir()
    manifest = unpack(path, into)
    assert set(manifest.entries) == set(FILES)
    for name, content in FILES.items():
        assert (into / name).read_bytes() == content
        assert stat.S_IMODE((into / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size < 2000


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), writing(tmp_path / "b.tar.zst") as bundle:
        bundle.add_bytes("ci-bot.db", b"x" * 10_000)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_place_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no place"), writing(tmp_path / "b.tar.zst") as bundle:
        bundle.add_bytes("../x", b"")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 0.999), flip=st.integers(1, 255))
@example(at=0.8828125, flip=1)
def test_a_changed_byte_is_found_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, at: float, flip: int
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    path = make(folder / "b.tar.zst")
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= flip
    path.write_bytes(content)
    (folder / "out").mkdir()
    refusal = ""
    try:
        unpack(path, folder / "out")
    except StoreError as error:
        refusal = str(error)
    # Some bits of a compressed file mean nothing: its checksum is over what it holds.
    is_whole = not refusal and all(
        (folder / "out" / name).read_bytes() == content for name, content in FILES.items()
    )
    assert is_whole or re.search(r"whole backup|damaged|manifest|no place", refusal)


@settings(max_examples=30)
@given(share=st.floats(0, 0.999))
def test_a_file_that_was_cut_is_refused(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    path = make(folder / "b.tar.zst")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    (folder / "out").mkdir()
    try:
        manifest = unpack(path, folder / "out")
    except StoreError:
        return
    assert set(manifest.entries) == set(FILES)  # nothing was cut but the padding after the last file
    assert len(content) - path.stat().st_size < 16


@pytest.mark.parametrize("kind", ["outside", "link", "twice"])
def test_a_forged_file_writes_nothing_elsewhere(tmp_path: Path, kind: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        head = tarfile.TarInfo("../evil" if kind == "outside" else "instance")
        if kind == "link":
            head.type, head.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(head)
        if kind == "twice":
            tar.addfile(head)
    path = tmp_path / "b.tar.zst"
    path.write_bytes(zstandard.compress(packed.getvalue()))
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "evil").exists()
