"""Signed links: nobody without the key makes one, and the key is made once."""

from __future__ import annotations

from pathlib import Path

from ci_bot.links import Links, read_or_make_key


def test_only_our_signature_of_that_very_run_opens_it() -> None:
    links = Links("https://ci.example", b"k" * 32)
    key = links.url("run1", "job1").partition("?key=")[2]
    assert links.is_signed("run1", key)
    assert not links.is_signed("run2", key)
    assert not links.is_signed("run1", "")
    assert not links.is_signed("run1", "ü" * 64)
    assert not Links("https://ci.example", b"z" * 32).is_signed("run1", key)


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "links.key"
    key = read_or_make_key(path)
    assert len(key) == 32
    assert read_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
