"""A value and a public key in, a sealed string out; a sealed string and the private keys in, the value out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke

from ci_bot.core.errors import SecretRefused
from ci_bot.core.sealed import (
    CHANGED,
    MAX_TEXT,
    OVERHEAD,
    SEAL_AGAIN,
    VERSION,
    Sealed,
    SealHeader,
    format_sealed,
    info_of,
    refusal_of_header,
)
from ci_bot.core.secret_names import refusal_of_name, refusal_of_value
from ci_bot.secrets.keys import Keyring, PublicKey

#: Both halves must be broken to open a seal: ML-KEM-768 against a quantum computer, X25519 against a
#: mistake in the newer one. https://www.rfc-editor.org/rfc/rfc9180
_SUITE: Final = hpke.Suite(
    hpke.KEM.MLKEM768_X25519,
    hpke.KDF.HKDF_SHA256,
    hpke.AEAD.AES_256_GCM,
)


def seal(
    value: bytes,
    public: PublicKey,
    *,
    forge: str,
    repo_id: int,
    name: str,
    events: Iterable[str] = (),
    branches: Iterable[str] = (),
) -> str:
    """A sealed string for `.ci.yaml`, other ones at every call. Its length tells the length of the value.

    Raises `SecretRefused`.
    """
    restrictions = tuple(sorted(set(events))), tuple(sorted(set(branches)))
    header = SealHeader(VERSION, public.id, forge, repo_id, name, *restrictions)
    problem = refusal_of_name(name) or refusal_of_value(value) or refusal_of_header(header)
    if problem := problem or _refusal_of_length(header, value):
        raise SecretRefused(problem)
    ciphertext = _encrypted(value, public, info_of(header))
    if not ciphertext:
        raise SecretRefused("this public key cannot be used; get it again from the server's page /keys")
    return format_sealed(header, ciphertext)


def unseal(sealed: Sealed, keys: Keyring, *, forge: str, repo_id: int, name: str) -> bytes:
    """The value, for this variable of this repository. Raises `SecretRefused`.

    Whether the event and the branch are among those of the header is the caller's to ask, before.
    """
    problem = _refusal_of_place(sealed.header, forge, repo_id, name) or refusal_of_name(name)
    if problem:
        raise SecretRefused(problem)
    value = _decrypted(sealed, keys)
    if problem := refusal_of_value(value):
        raise SecretRefused(f"{problem}; {SEAL_AGAIN}")
    return value


def _refusal_of_length(header: SealHeader, value: bytes) -> str:
    """Asked before, since an exception of `format_sealed` would speak of characters, not of the value."""
    most = (MAX_TEXT - 16) * 3 // 4 - OVERHEAD - len(info_of(header))
    if len(value) <= most:
        return ""
    return f"a value of {len(value)} bytes is too long for a sealed string, {most} fit; store it on the server"


def _encrypted(value: bytes, public: PublicKey, info: bytes) -> bytes:
    """b"" if the key is none. The exception of the library ends here: its frames hold the value."""
    try:
        return _SUITE.encrypt(value, public.for_hpke(), info=info)
    except ValueError:
        return b""


def _refusal_of_place(header: SealHeader, forge: str, repo_id: int, name: str) -> str:
    if (header.forge, header.repo_id) != (forge, repo_id):
        place = f"repository {header.repo_id} on {header.forge}"
        return f"this sealed string was made for {place}, not for this one; {_again(name)}"
    if header.name != name:
        return f"this sealed string was made for {header.name}, not for {name}; {_again(name)}"
    return ""


def _again(name: str) -> str:
    return f"seal it again: ci-bot secret seal {name} --repo …"


def _decrypted(sealed: Sealed, keys: Keyring) -> bytes:
    private = keys.private(sealed.header.key_id)
    if private is None:
        problem = f"sealed with key {sealed.header.key_id}, which this server does not have"
        raise SecretRefused(f"{problem}; {_again(sealed.header.name)}")
    value = _opened(sealed, private)
    if value is None:
        raise SecretRefused(CHANGED)
    return value


def _opened(sealed: Sealed, private: hpke.MLKEM768X25519PrivateKey) -> bytes | None:
    try:
        return _SUITE.decrypt(sealed.ciphertext, private, info=sealed.info)
    except (InvalidTag, ValueError):
        return None
