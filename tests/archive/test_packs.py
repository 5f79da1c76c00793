"""A pack appears whole or not at all, and whatever it holds, it is unpacked below one folder and nowhere else."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_bot.archive.packs import FilePacks
from ci_bot.core.errors import CiBotError, PackRefused, StoreError
from ci_bot.ports import Packed, PackLimits

LIMITS = PackLimits(size=1000, files=5)


@pytest.fixture
def packs(tmp_path: Path) -> FilePacks:
    return FilePacks(tmp_path / "packs")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def make(packs: FilePacks, files: dict[str, bytes], mode: int = 0o644, **links: str) -> Packed:
    with packs.begin("job1", LIMITS, links=True) as packing:
        for name, content in files.items():
            packing.file(name, mode, 1_000_000.0, len(content), io.BytesIO(content))
        for name, target in links.items():
            packing.link(name, target)
        return packing.finish()


def put_raw(packs: FilePacks, *entries: tarfile.TarInfo) -> None:
    """A pack that we would never have made."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    path = packs._path("job1")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zstandard.compress(whole.getvalue()))


def named(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, target, size
    return entry


def test_what_went_in_comes_out(packs: FilePacks, into: Path) -> None:
    made = make(packs, {"a": b"one", "d/e/b": b""}, 0o4755, link="d/e/b")
    assert (made.files, made.size, made.packed) == (3, 3, packs.size("job1"))
    assert packs.unpack("job1", into, LIMITS).names == made.names
    assert (into / "a").read_bytes() == b"one"
    found = (into / "a").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_mtime) == (0o755, 1_000_000.0)
    assert (into / "link").readlink() == Path("d/e/b")
    assert stat.S_IMODE(packs._path("job1").stat().st_mode) == 0o600


def test_links_are_left_out_of_what_people_get(packs: FilePacks) -> None:
    with packs.begin("job1", LIMITS, links=False) as packing:
        packing.link("l", "/etc/passwd")
        packing.other("s", "a socket")
        made = packing.finish()
    assert (made.files, made.left_out) == (0, (("l", "a symbolic link"), ("s", "a socket")))


def test_what_is_there_is_replaced_and_a_link_is_not_followed(packs: FilePacks, into: Path) -> None:
    outside = into.parent / "outside"
    outside.write_text("mine")
    (into / "a").symlink_to(outside)
    make(packs, {"a": b"new"})
    packs.unpack("job1", into, LIMITS)
    assert (outside.read_text(), (into / "a").read_text()) == ("mine", "new")


def test_no_way_leads_through_a_link_of_the_workspace(packs: FilePacks, into: Path) -> None:
    outside = into.parent / "outside"
    outside.mkdir()
    (into / "d").symlink_to(outside)
    make(packs, {"d/x": b"new"})
    with pytest.raises(PackRefused, match="'d' is no folder in the workspace"):
        packs.unpack("job1", into, LIMITS)
    assert list(outside.iterdir()) == []


def test_no_way_leads_through_a_link_of_the_pack(packs: FilePacks, into: Path) -> None:
    put_raw(packs, named("d", tarfile.SYMTYPE, ".."), named("d/x"))
    with pytest.raises(PackRefused):
        packs.unpack("job1", into, LIMITS)
    assert not (into.parent / "x").exists()


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "a//x", "./x", ".git/config", "a/./x"])
def test_names_that_have_no_place(packs: FilePacks, into: Path, name: str) -> None:
    put_raw(packs, named(name))
    with pytest.raises(PackRefused, match="has no place"):
        packs.unpack("job1", into, LIMITS)
    assert not (into.parent / "x").exists()


def test_a_folder_is_not_replaced_by_a_file(packs: FilePacks, into: Path) -> None:
    (into / "a").mkdir()
    make(packs, {"a": b""})
    with pytest.raises(PackRefused, match="'a' is a folder in the workspace"):
        packs.unpack("job1", into, LIMITS)


def test_devices_and_hard_links_of_a_pack_are_passed_over(packs: FilePacks, into: Path) -> None:
    put_raw(packs, named("dev", tarfile.CHRTYPE), named("hard", tarfile.LNKTYPE, "/etc/passwd"))
    packs.unpack("job1", into, LIMITS)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({f"f{number}": b"" for number in range(6)}, "more than 5 files"),
        ({"f": b"x" * 1001}, "more than 1 kB of files"),
    ],
)
def test_there_is_an_end_to_it_and_nothing_is_left(
    packs: FilePacks, files: dict[str, bytes], told: str
) -> None:
    make(packs, {"old": b"old"})
    with pytest.raises(PackRefused, match=told):
        make(packs, files)
    assert [pack.id for pack in packs.kept()] == ["job1"]
    with packs.open("job1") as kept:
        assert kept.read(1) != b""


def test_there_is_an_end_to_unpacking_too(packs: FilePacks, into: Path) -> None:
    put_raw(packs, named("bomb", size=5000))
    with pytest.raises(PackRefused, match="more than this server"):
        packs.unpack("job1", into, LIMITS)
    put_raw(packs, *(named(f"f{number}") for number in range(6)))
    with pytest.raises(PackRefused, match="more than this server"):
        packs.unpack("job1", into, LIMITS)


def test_a_file_that_shrinks_while_it_is_packed_keeps_its_size(packs: FilePacks, into: Path) -> None:
    with packs.begin("job1", LIMITS, links=False) as packing:
        packing.file("a", 0o644, 0.0, 10, io.BytesIO(b"abc"))
        packing.file("b", 0o644, 0.0, 2, io.BytesIO(b"longer"))
        packing.finish()
    packs.unpack("job1", into, LIMITS)
    assert (into / "a").read_bytes() == b"abc" + bytes(7)
    assert (into / "b").read_bytes() == b"lo"


def test_damage_is_told_in_words(packs: FilePacks, into: Path) -> None:
    make(packs, {"a": os.urandom(500)})
    path = packs._path("job1")
    path.write_bytes(path.read_bytes()[:-200] + bytes(200))
    with pytest.raises(StoreError, match=r"job1.tar.zst is damaged"):
        packs.unpack("job1", into, LIMITS)


def test_what_is_gone_is_told(packs: FilePacks, into: Path) -> None:
    make(packs, {"a": b""})
    packs.forget("job1")
    packs.forget("job1")
    assert (packs.size("job1"), list(packs.kept())) == (None, [])
    with pytest.raises(PackRefused, match="not on this server any more"):
        packs.unpack("job1", into, LIMITS)
    with pytest.raises(ValueError, match="not the id of a pack"):
        packs.size("../x")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "a/b", "a/b/c", "..", "../x", "/x", "b", "b/x", ".git/x", "a/../x"]),
            st.sampled_from([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE]),
            st.sampled_from(["..", "/", "a", "../..", "b"]),
        ),
        max_size=5,
    )
)
def test_nothing_gets_out_whatever_a_pack_holds(
    tmp_path: Path, entries: list[tuple[str, bytes, str]]
) -> None:
    packs, into = FilePacks(tmp_path / "packs"), tmp_path / "in" / "workspace"
    into.mkdir(parents=True, exist_ok=True)
    put_raw(packs, *(named(name, kind, target) for name, kind, target in entries))
    with contextlib.suppress(CiBotError):
        packs.unpack("job1", into, LIMITS)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["workspace"]
    assert {path.name for path in tmp_path.iterdir()} == {"packs", "in"}
