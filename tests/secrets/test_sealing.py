"""A sealed string opens with its key, for its variable of its repository, unchanged; and not otherwise."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import SecretRefused
from ci_bot.core.sealed import (
    CHANGED,
    MAX_TEXT,
    OVERHEAD,
    SealBroken,
    SealHeader,
    format_sealed,
    info_of,
    parse_sealed,
)
from ci_bot.core.secret_names import MAX_VALUE
from ci_bot.secrets.keys import Key, Keyring, PublicKey, _public_key
from ci_bot.secrets.sealing import _SUITE, seal, unseal

CANARY = b"canary-5c1a7e"
RAW = bytes(range(96))
PUBLIC = _public_key(RAW)
KEYS = Keyring(Path("sealing.key"), (Key(PUBLIC.id, RAW),))
HERE: dict[str, Any] = {"forge": "github", "repo_id": 12, "name": "TOKEN"}
TEXT = seal(CANARY, PUBLIC, **HERE, events=["tag", "push", "tag"], branches=["main"])
SEALED = parse_sealed(TEXT)


def refused(call, *arguments, **named):
    with pytest.raises(SecretRefused) as caught:
        call(*arguments, **named)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    shown = f"{caught.value!r} {vars(caught.value)}"
    assert CANARY.decode() not in shown
    assert RAW.hex() not in shown
    return str(caught.value)


values = st.binary(min_size=1, max_size=200).filter(lambda value: b"\0" not in value)


@given(values)
def test_what_is_sealed_is_unsealed(value):
    assert unseal(parse_sealed(seal(value, PUBLIC, **HERE)), KEYS, **HERE) == value


def test_the_header_says_for_whom():
    restrictions = ("push", "tag"), ("main",)
    assert SEALED.header == SealHeader(1, PUBLIC.id, "github", 12, "TOKEN", *restrictions)
    assert unseal(SEALED, KEYS, **HERE) == CANARY
    assert seal(CANARY, PUBLIC, **HERE) != seal(CANARY, PUBLIC, **HERE)


def test_what_the_first_version_sealed_opens_for_ever():
    sealed = parse_sealed("".join(SEALED_ONCE.split()))
    assert sealed.header == SEALED.header
    assert unseal(sealed, KEYS, **HERE) == CANARY


@pytest.mark.parametrize(
    "changed",
    [
        {"forge": "gitlab"},
        {"repo_id": 13},
        {"name": "OTHER"},
        {"events": ()},
        {"events": ("push",)},
        {"branches": ()},
        {"branches": ("*",)},
        {"version": 2},
    ],
)
def test_a_changed_header_opens_nothing_even_where_it_then_fits(changed):
    header = replace(SEALED.header, **changed)
    here = {key: changed.get(key, value) for key, value in HERE.items()}
    assert refused(unseal, replace(SEALED, header=header), KEYS, **here) == CHANGED


def test_the_id_of_another_key_of_the_server_opens_nothing(tmp_path):
    both = Keyring(tmp_path, (*KEYS.keys, *Keyring.read_or_make(tmp_path / "sealing.key").keys))
    assert unseal(SEALED, both, **HERE) == CANARY
    header = replace(SEALED.header, key_id=both.public.id)
    assert refused(unseal, replace(SEALED, header=header), both, **HERE) == CHANGED


def test_elsewhere_it_says_for_whom_it_was_made():
    words = refused(unseal, SEALED, KEYS, **HERE | {"repo_id": 7})
    assert words == (
        "this sealed string was made for repository 12 on github, not for this one;"
        " seal it again: ci-bot secret seal TOKEN --repo …"
    )
    assert "repository 12 on github" in refused(unseal, SEALED, KEYS, **HERE | {"forge": "gitlab"})
    assert "made for TOKEN, not for OTHER" in refused(unseal, SEALED, KEYS, **HERE | {"name": "OTHER"})


def test_every_changed_bit_and_every_cut_of_the_ciphertext_is_noticed():
    for at in range(0, len(SEALED.ciphertext) * 8, 5):
        ciphertext = bytearray(SEALED.ciphertext)
        ciphertext[at // 8] ^= 1 << at % 8
        assert refused(unseal, replace(SEALED, ciphertext=bytes(ciphertext)), KEYS, **HERE) == CHANGED
    for length in [*range(0, OVERHEAD, 41), *range(OVERHEAD, len(SEALED.ciphertext))]:
        cut = replace(SEALED, ciphertext=SEALED.ciphertext[:length])
        assert refused(unseal, cut, KEYS, **HERE) == CHANGED
    # A weak X25519 share, as an attacker would send it
    weak = SEALED.ciphertext[:1088] + bytes(32) + SEALED.ciphertext[1120:]
    assert refused(unseal, replace(SEALED, ciphertext=weak), KEYS, **HERE) == CHANGED


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("AZaz09-_."))
def test_every_changed_letter_of_the_text_is_noticed(at, letter):
    text = TEXT[:at] + letter + TEXT[at + 1 :]
    if text == TEXT:
        return
    with pytest.raises((SealBroken, SecretRefused)):
        unseal(parse_sealed(text), KEYS, **HERE)


@given(st.integers(0, len(TEXT) - 1))
def test_every_cut_of_the_text_is_noticed(length):
    with pytest.raises((SealBroken, SecretRefused)):
        unseal(parse_sealed(TEXT[:length]), KEYS, **HERE)


def test_a_header_on_another_ciphertext_opens_nothing():
    other = parse_sealed(seal(CANARY, PUBLIC, **HERE | {"repo_id": 7}))
    moved = parse_sealed(format_sealed(SEALED.header, other.ciphertext))
    assert refused(unseal, moved, KEYS, **HERE) == CHANGED


def test_a_key_that_the_server_does_not_have_is_named(tmp_path):
    other = Keyring.read_or_make(tmp_path / "sealing.key")
    words = refused(unseal, SEALED, other, **HERE)
    assert words.startswith(
        f"sealed with key {PUBLIC.id}, which this server does not have; seal it again: "
    )


def test_an_old_key_opens_what_it_sealed_and_the_new_one_seals(tmp_path):
    old = Keyring.read_or_make(tmp_path / "sealing.key")
    sealed = parse_sealed(seal(CANARY, PublicKey.from_text(old.public.to_text()), **HERE))
    new = old.rotate()
    assert unseal(sealed, new, **HERE) == CANARY
    assert unseal(sealed, Keyring.read_or_make(tmp_path / "sealing.key"), **HERE) == CANARY
    again = parse_sealed(seal(CANARY, new.public, **HERE))
    assert again.header.key_id == new.public.id != old.public.id
    refused(unseal, again, old, **HERE)


def test_what_could_not_be_used_is_not_sealed():
    assert "choose another name" in refused(seal, CANARY, PUBLIC, **HERE | {"name": "LD_PRELOAD"})
    assert "the value is empty" in refused(seal, b"", PUBLIC, **HERE)
    assert "NUL" in refused(seal, b"a\0", PUBLIC, **HERE)
    assert "repository" in refused(seal, CANARY, PUBLIC, **HERE | {"repo_id": 0})
    assert "forge" in refused(seal, CANARY, PUBLIC, **HERE | {"forge": "Git Hub"})
    assert "events" in refused(seal, CANARY, PUBLIC, **HERE, events=["PUSH!"])
    assert "branches" in refused(seal, CANARY, PUBLIC, **HERE, branches=["a\nb"])
    weak = PublicKey(PUBLIC.raw[:1184] + bytes(32))
    assert "public key cannot be used" in refused(seal, CANARY, weak, **HERE)
    assert "public key cannot be used" in refused(seal, CANARY, PublicKey(b""), **HERE)


def test_a_forged_seal_for_a_refused_name_or_value_is_not_opened():
    header = replace(SEALED.header, name="LD_PRELOAD")
    named = HERE | {"name": "LD_PRELOAD"}
    assert "choose another name" in refused(unseal, replace(SEALED, header=header), KEYS, **named)
    forged = _SUITE.encrypt(CANARY + b"\0", PUBLIC.for_hpke(), info=info_of(SEALED.header))
    assert "NUL" in refused(unseal, replace(SEALED, ciphertext=forged), KEYS, **HERE)


def test_the_longest_value_fits_and_one_more_byte_is_refused():
    for branch in ("b", "bb", "bbb", "bbbb"):
        here = HERE | {"branches": [branch]}
        words = refused(seal, b"x" * MAX_VALUE, PUBLIC, **here)
        most = int(words.split(", ")[1].split()[0])
        text = seal(b"x" * most, PUBLIC, **here)
        assert MAX_TEXT - 8 < len(text) <= MAX_TEXT
        assert unseal(parse_sealed(text), KEYS, **HERE) == b"x" * most
        refused(seal, b"x" * (most + 1), PUBLIC, **here)


def test_a_sealed_token_is_short_enough_for_a_file_that_people_read():
    assert 1_100 < len(seal(b"x" * 32, PUBLIC, **HERE)) < 1_800


def test_nothing_shows_key_or_value():
    for shown in (repr(KEYS), repr(SEALED), repr(PUBLIC), str(KEYS), repr(KEYS.private(PUBLIC.id))):
        for secret in (RAW.hex(), repr(RAW)[2:20], b64encode(RAW).decode()[:20], CANARY.decode()):
            assert secret not in shown
    assert "ciphertext" not in repr(SEALED)


SEALED_ONCE = """
ci-bot.1.eyJicmFuY2hlcyI6WyJtYWluIl0sImV2ZW50cyI6WyJwdXNoIiwidGFnIl0sImZvcmdlIjoiZ2l0aHViIiwia2V5X2l
kIjoiZDk5ZTQ0OTZhZjc0OWI1NCIsIm5hbWUiOiJUT0tFTiIsInJlcG9faWQiOjEyLCJ2ZXJzaW9uIjoxfQ.C1zcV_4_a3Buya-w
0xWQIpwLtewiFjJJkm8jjgaWE5-D21Cd8HMK5fcRYMExWLps7ekxpZUPZcDBlUncC4uZRPRwJknr7IU4EJQR1oBaa6mqTtIT5Yvy
kAn17x6MNIUW9_MwSoxtnUjpoFpiZWqpZNALr3uEtJFk-CQ7I6MJm7SFlXbW9nrX-0vKSPpLFfe3jfjdlgVg_u5Qb5ssOSivrck5
qltUbRvkM1CkVYtyMfXI7tRrnmcvSkcSsXdQ45Hr8dfNFRUeOjTWfw6Q2xM6vYoQRKi4LnLIymL_Q-ht9XKZbfFGC6pO3N0Fnnj8
_xKGaRxPia6TMM0hTpXhsNmDEom-K7iME9k2mU6OcGxwEM2a364w4jl19qRSuY36H5MkOa1ZjxVNDeZDTXKRJeCg17sfG7xgBVnh
1vlvEqF3exBt0TiwnriZpnBGifrWAywyrXQ-XNC_MmaUCNq2KP3fqkESQWUj0Xht4kohalRrbGAptusquCirYcqi1SBg9xogh2ia
n_b2Xk7ZJdLGi-9uRAmFlfTvK71fgYUN5QkSg6ReYZYrLLwoXCrQyE_MqPNyDVWvdAq47MT9FrY4cO9nMc9DCKYMomZZvDZ0DxO-
SqUfmJczBA14jhDEHI9Gzoe_beFip_u4NkXNsqrWTtR9fwOPAmWYzyTK4eltXqiS12pDHZwQDOYs-7jpY3I15DRSF5EnneonJ6B-
OynA9q74LrZrkv2MykPWFR7HFfUebBGLy8Oo7n49XOF-9fIpj-Ee9Jub7mSWMe3csyRnqTZTP4ZVEccp3pSaBQsV0rqt-WslEUie
S8u84IIPTKE_YelTgyDSI--xul_qfTKfJBDTRNHSHVTTrY6AIc8VtIuLWqUOmsFjkefm-mxaL5ej8EO5SNY8r0tTPqkwKxokOgaY
1M12csU32HR3oc7GOmbw5JcJa-AuuY4-LgmKa13DXk6EpcYavVk_q43dR-L5HbJ5uDAI8xRYhmPK75MXZBk8yegfyJe4QYErQfjO
Qo3l7LO4xGkb3MdZDTNzqGvWUn9sR3VmRu_sComZfSBTkixEJDH3G7hghTzZa6uBNJ8l2_l3IR6yuB0TQOo1pUugigTMQvi5yYyF
1H6ZMbkzIB2yH0JyNyARdSGd14ujIRp_sVung_OjRkRHvl_jiUhLX5ReGPLn4_M2xxVaMFwPc8lxQlAbIZMSfMd6TkDoqkEvKMVB
KQqK43iWWuUpQYW2NWQ-k-I11ToDjVBFTVFkBgI_Or6GeQWNZSwViRpXIk_3PwRseCRQYoCLNfB0GSykRMq1puz3yOgpHOHQV26-
bfchHTtduk0pQK4Qn9OWwB5CtGIYSyd3E4rE_frCspOfH4JAarEf2rwonDVzyN0oTuSNi81vpJCVsi6fFC4U76ny1wgfYjkdnvUq
kNpu3EKeB0dI9nPS7dxVqSsjPypABzzwQKbQRJwZ48fkTF-TWno8vBeR-bOQhAHugWcuwx_qxbu3L9BizlE-unMMFxvlRWtRt0mu
cgxEN6Ecjq4XM_SH
"""
