"""Key files: made once, whole, for their owner alone; read strictly, and told apart in words."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import SettingsError
from ci_bot.core.sealed import parse_sealed
from ci_bot.secrets.keys import Key, Keyring, PublicKey
from ci_bot.secrets.rest import RestKeys
from ci_bot.secrets.sealing import seal, unseal

KINDS = pytest.mark.parametrize("kind", [Keyring, RestKeys])


def problem(read, *arguments):
    with pytest.raises(SettingsError) as caught:
        read(*arguments)
    assert caught.value.__cause__ is None
    assert "key" not in vars(caught.value)
    (words,) = caught.value.problems
    assert "\n" not in words
    return words


def ids(keys):
    return [key.id for key in keys.keys]


@KINDS
def test_a_key_is_made_once_for_its_owner_alone(tmp_path, kind):
    umask = os.umask(0)
    try:
        first = kind.read_or_make(tmp_path / "x.key")
    finally:
        os.umask(umask)
    assert kind.read_or_make(tmp_path / "x.key") == first
    assert first.warning == ""
    assert (tmp_path / "x.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["x.key"]


@KINDS
def test_a_strict_umask_does_no_harm(tmp_path, kind):
    umask = os.umask(0o077)
    try:
        kind.read_or_make(tmp_path / "x.key").rotate()
    finally:
        os.umask(umask)
    assert len(kind.read_or_make(tmp_path / "x.key").keys) == 2


@KINDS
def test_rotation_adds_a_current_key_and_keeps_the_others(tmp_path, kind):
    path = tmp_path / "x.key"
    first = kind.read_or_make(path)
    second = first.rotate()
    third = first.rotate()
    assert ids(second)[:1] == ids(first)
    assert ids(third)[:2] == ids(second)
    assert len(set(ids(third))) == 3
    assert kind.read_or_make(path) == third
    assert path.stat().st_mode & 0o777 == 0o600


@KINDS
def test_an_old_key_may_be_taken_out_by_hand(tmp_path, kind):
    path = tmp_path / "x.key"
    keys = kind.read_or_make(path).rotate()
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"keys": content["keys"][1:]}))
    assert ids(kind.read_or_make(path)) == ids(keys)[1:]


@KINDS
def test_what_a_crash_left_behind_does_no_harm(tmp_path, kind):
    left = tmp_path / "x.key.new"
    left.write_text('{"what": "ci-bot')
    left.chmod(0o666)
    kind.read_or_make(tmp_path / "x.key")
    assert (tmp_path / "x.key").stat().st_mode & 0o777 == 0o600
    assert not left.exists()


@KINDS
def test_processes_that_make_the_key_at_once_have_the_same(tmp_path, kind):
    code = (
        f"import sys, pathlib; from {kind.__module__} import {kind.__name__} as kind; print(flush=True);"
        "sys.stdin.read(); print(kind.read_or_make(pathlib.Path(sys.argv[1])).keys[0].raw.hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.key")]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(6)]
    assert [_of(process.stdout).readline() for process in started] == ["\n"] * 6  # all of them wait
    for process in started:
        _of(process.stdin).close()
    found = {_of(process.stdout).read() for process in started}
    for process in started:
        _of(process.stdout).close()
        assert process.wait() == 0
    assert found == {kind.read_or_make(tmp_path / "x.key").keys[0].raw.hex() + "\n"}


def _of(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@KINDS
def test_two_rotations_at_once_lose_no_key(tmp_path, kind):
    path = tmp_path / "x.key"
    kind.read_or_make(path)
    code = (
        f"import sys, pathlib; from {kind.__module__} import {kind.__name__} as kind;"
        "[kind.read_or_make(pathlib.Path(sys.argv[1])).rotate() for _ in range(10)]"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert len(set(ids(kind.read_or_make(path)))) == 31


@KINDS
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_others_who_may_read_the_file_are_a_warning(tmp_path, kind, mode):
    path = tmp_path / "x.key"
    made = kind.read_or_make(path)
    path.chmod(mode)
    read = kind.read_or_make(path)
    assert ids(read) == ids(made)
    assert f"{mode:04o}" in read.warning
    assert f"chmod 600 {path}" in read.warning


@KINDS
def test_a_file_that_is_half_written_or_foreign_is_refused(tmp_path, kind):
    path = tmp_path / "x.key"
    kind.read_or_make(path)
    good = path.read_bytes()
    for bad in (b"", good[:-5], good[: len(good) // 2], b"\xff" * 96, b"[]", b"null", b"[" * 9999):
        path.write_bytes(bad)
        words = problem(kind.read_or_make, path)
        assert words.startswith(f"{path} does not hold ci-bot ")
        assert "restore it from a backup" in words
        assert (
            problem(Keyring(path, ()).rotate if kind is Keyring else RestKeys(path, ()).rotate) == words
        )
        assert path.read_bytes() == bad


@KINDS
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": 2}, "made by a newer ci-bot"),
        ({"version": True}, "no version that ci-bot knows"),
        ({"version": None}, "no version that ci-bot knows"),
        ({"suite": "ROT13"}, "is not for the suite"),
        ({"keys": []}, "does not have the entries"),
        ({"keys": {}}, "does not have the entries"),
        ({"more": 1}, "does not have the entries"),
        ({"keys": [1]}, "key 1 of 1"),
        ({"keys": [{"id": "x"}]}, "key 1 of 1"),
        ({"keys": [{"id": "x", "key": 5}]}, "key 1 of 1"),
        ({"keys": [{"id": "x", "key": "é"}]}, "key 1 of 1"),
        ({"keys": [{"id": "x", "key": "aGVsbG8="}]}, "key 1 of 1"),
        ({"keys": [{"id": "x", "key": b64encode(bytes(96)).decode()}]}, "key 1 of 1"),
        ({"what": "something else"}, "does not hold"),
    ],
)
def test_a_file_with_other_content_is_refused(tmp_path, kind, changed, words):
    path = tmp_path / "x.key"
    kind.read_or_make(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert words in problem(kind.read_or_make, path)


def changed_files(path, key):
    """The file with each letter of the key changed in turn; what is yielded is the beginning of that key."""
    text, encoded = path.read_text(), b64encode(key.raw).decode()
    for at, letter in enumerate(encoded):
        changed = encoded[:at] + ("A" if letter != "A" else "B") + encoded[at + 1 :]
        path.write_text(text.replace(encoded, changed))
        yield changed[:20]


def test_every_changed_letter_of_a_key_is_noticed_and_none_is_shown(tmp_path):
    path = tmp_path / "secrets.key"
    for key in changed_files(path, RestKeys.read_or_make(path).keys[0]):
        assert key not in problem(RestKeys.read_or_make, path)


def test_a_changed_letter_of_a_sealing_key_is_noticed_or_changes_nothing(tmp_path):
    """The public key does not depend on what ML-KEM answers to forgeries, nor on five bits of X25519."""
    path = tmp_path / "sealing.key"
    made = Keyring.read_or_make(path)
    here: dict[str, Any] = {"forge": "github", "repo_id": 12, "name": "TOKEN"}
    sealed = parse_sealed(seal(b"canary", made.public, **here))
    noticed = 0
    for key in changed_files(path, made.keys[0]):
        try:
            read = Keyring.read_or_make(path)
        except SettingsError as error:
            assert key not in str(error)  # noqa: PT017
            noticed += 1
        else:
            assert unseal(sealed, read, **here) == b"canary"
    assert noticed > 64


@KINDS
def test_a_key_twice_or_a_thing_named_twice_is_refused(tmp_path, kind):
    path = tmp_path / "x.key"
    kind.read_or_make(path)
    text = path.read_text()
    content = json.loads(text)
    path.write_text(json.dumps(content | {"keys": content["keys"] * 2}))
    assert "has a key twice" in problem(kind.read_or_make, path)
    path.write_text(text.replace('"version": 1', '"version": 2, "version": 1'))
    problem(kind.read_or_make, path)


def test_one_file_is_not_taken_for_the_other(tmp_path):
    Keyring.read_or_make(tmp_path / "x.key")
    assert "does not hold ci-bot keys of stored secrets" in problem(
        RestKeys.read_or_make, tmp_path / "x.key"
    )


@KINDS
def test_what_cannot_be_read_or_made_is_said(tmp_path, kind):
    assert f"{tmp_path} cannot be read: " in problem(kind.read_or_make, tmp_path)
    missing = tmp_path / "missing" / "x.key"
    assert f"{missing} cannot be read or written: " in problem(kind.read_or_make, missing)
    path = tmp_path / "x.key"
    keys = kind.read_or_make(path)
    path.unlink()
    assert f"{path} cannot be read or written: " in problem(keys.rotate)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
@KINDS
def test_what_root_makes_belongs_to_the_owner_of_the_directory(tmp_path, kind):
    os.chown(tmp_path, 4321, 4322)
    kind.read_or_make(tmp_path / "x.key").rotate()
    found = (tmp_path / "x.key").stat()
    assert (found.st_uid, found.st_gid) == (4321, 4322)


@KINDS
def test_nothing_shows_a_key(tmp_path, kind):
    keys = kind.read_or_make(tmp_path / "x.key").rotate()
    for shown in (repr(keys), str(keys), f"{keys.keys}", repr(keys.keys[0])):
        for key in keys.keys:
            assert repr(key.raw)[2:12] not in shown
            assert key.raw.hex()[:12] not in shown
            assert b64encode(key.raw).decode()[:12] not in shown
        assert keys.keys[0].id in shown


# The public key


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    return Keyring.read_or_make(tmp_path_factory.mktemp("keys") / "sealing.key").public


def test_a_public_key_travels_as_text(public):
    content = json.loads(public.to_text())
    assert list(content) == ["version", "suite", "id", "public_key", "fingerprint"]
    assert PublicKey.from_text(public.to_text()) == public
    assert PublicKey.from_text(json.dumps(content, separators=(",", ":"))) == public
    assert len(public.raw) == 1216
    assert public.fingerprint.replace(" ", "").startswith(public.id)
    assert [len(group) for group in public.fingerprint.split(" ")] == [4] * 16


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fingerprint": "0000"}, "does not have the fingerprint"),
        ({"fingerprint": None}, "does not have the fingerprint"),
        ({"id": "0123456789abcdef"}, "does not have the id"),
        ({"suite": "X25519"}, "is not for the suite"),
        ({"version": 2}, "made by a newer ci-bot"),
        ({"version": "1"}, "no version"),
        ({"public_key": ""}, "no such key"),
        ({"public_key": None}, "no such key"),
        ({"public_key": b64encode(b"\xff" * 1216).decode()}, "no such key"),
    ],
)
def test_another_public_key_than_it_says_is_refused(public, changed, words):
    content = json.loads(public.to_text()) | changed
    assert words in problem(PublicKey.from_text, json.dumps(content))


@given(text=st.text())
def test_every_other_text_is_refused_in_words(text):
    assert "/keys" in problem(PublicKey.from_text, text)


@pytest.mark.parametrize("text", ["[" * 9999, "1" * 9999, "\ud800", '{"version": NaN}'])
def test_hostile_text_is_refused_in_words(text):
    assert "/keys" in problem(PublicKey.from_text, text)


def test_a_public_key_that_is_cut_off_is_refused(public):
    for length in range(0, len(public.to_text()) - 2, 97):
        problem(PublicKey.from_text, public.to_text()[:length])


def test_keys_are_compared_by_their_id():
    assert Key("a", b"1") == Key("a", b"2") != Key("b", b"1")
    assert isinstance(Keyring(Path("x"), ()).path, Path)
