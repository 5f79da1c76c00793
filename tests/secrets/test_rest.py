"""What is stored opens with its key, in its place, unchanged; and not otherwise."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import SecretRefused
from ci_bot.secrets.keys import Key
from ci_bot.secrets.rest import Encrypted, RestKeys, _id_of

CANARY = b"canary-5c1a7e"
PLACE = b'{"name":"TOKEN","scope":"repo 12 on github","version":1}'
RAW = bytes(range(32))
KEYS = RestKeys(Path("secrets.key"), (Key(_id_of(RAW), RAW),))


def refused(keys, encrypted, identity):
    with pytest.raises(SecretRefused) as caught:
        keys.decrypt(encrypted, identity)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    shown = f"{caught.value!r} {vars(caught.value)}"
    assert CANARY.decode() not in shown
    assert RAW.hex() not in shown
    return str(caught.value)


@given(st.binary(), st.binary())
def test_what_is_encrypted_is_decrypted(value, identity):
    assert KEYS.decrypt(KEYS.encrypt(value, identity), identity) == value


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_in_another_place_it_stays_closed(identity, other):
    encrypted = KEYS.encrypt(CANARY, identity)
    if identity != other:
        assert "belongs to another one" in refused(KEYS, encrypted, other)


def test_every_changed_bit_and_every_cut_is_noticed():
    encrypted = KEYS.encrypt(CANARY, PLACE)
    for at in range(len(encrypted.blob) * 8):
        blob = bytearray(encrypted.blob)
        blob[at // 8] ^= 1 << at % 8
        refused(KEYS, replace(encrypted, blob=bytes(blob)), PLACE)
    for length in range(len(encrypted.blob)):
        refused(KEYS, replace(encrypted, blob=encrypted.blob[:length]), PLACE)
    refused(KEYS, replace(encrypted, blob=encrypted.blob + b"\0"), PLACE)


def test_every_encryption_is_another():
    blobs = {KEYS.encrypt(CANARY, PLACE).blob for _ in range(100)}
    assert len({blob[:12] for blob in blobs}) == 100
    assert all(CANARY not in blob for blob in blobs)


def test_an_old_key_opens_what_is_its_own_and_the_new_one_encrypts(tmp_path):
    old = RestKeys.read_or_make(tmp_path / "secrets.key")
    encrypted = old.encrypt(CANARY, PLACE)
    new = old.rotate()
    assert new.decrypt(encrypted, PLACE) == CANARY
    assert new.encrypt(CANARY, PLACE).key_id == new.current_id != encrypted.key_id == old.current_id
    assert RestKeys.read_or_make(tmp_path / "secrets.key").decrypt(encrypted, PLACE) == CANARY


def test_a_key_that_is_not_there_is_named(tmp_path):
    other = RestKeys.read_or_make(tmp_path / "secrets.key")
    encrypted = KEYS.encrypt(CANARY, PLACE)
    words = refused(other, encrypted, PLACE)
    assert words.startswith(f"encrypted with key {encrypted.key_id}, which secrets.key does not have")
    refused(other, replace(encrypted, key_id=other.current_id), PLACE)


def test_nothing_shows_key_or_value():
    encrypted = KEYS.encrypt(CANARY, PLACE)
    for shown in (repr(KEYS), repr(encrypted), str(KEYS), f"{KEYS.keys}"):
        for secret in (RAW.hex(), repr(RAW)[2:-1], b64encode(RAW).decode(), CANARY.decode()):
            assert secret not in shown
    assert "blob" not in repr(encrypted)


def test_what_was_stored_by_the_first_version_opens_for_ever():
    blob = bytes.fromhex(STORED)
    assert KEYS.decrypt(Encrypted("66f2535a689c6d61", blob), PLACE) == CANARY


STORED = "8557c0aa0819ed1a2ebb88a3b1119c86a6fd2f356b6a2eb29858df3eb94b16ebd1f795c4177fda618b"
