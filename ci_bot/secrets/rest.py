"""A value and what it belongs to in, encrypted bytes for the database out, and back."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ci_bot.core.errors import SecretRefused
from ci_bot.secrets.keys import Key, KeyKind, add_key, read_keys, read_or_make_keys

#: In bytes. Chosen at random, so one key is good for 2³² values (NIST SP 800-38D, section 8.3).
_NONCE: Final = 12
_KEY: Final = 32


@dataclass(frozen=True, slots=True)
class Encrypted:
    key_id: str
    blob: bytes = field(repr=False)  # the nonce, the encrypted value and the tag


@dataclass(frozen=True, slots=True)
class RestKeys:
    """The keys of what is stored, the oldest first; read from `path`. The last one encrypts.

    `warning` is for the operator: who else may read the file; "" if nobody.
    """

    path: Path
    keys: tuple[Key, ...]
    warning: str = ""

    @classmethod
    def read_or_make(cls, path: Path) -> RestKeys:
        """Raises `SettingsError` if the file is there but cannot be used, or cannot be made."""
        return cls(path, *read_or_make_keys(path, _AT_REST))

    @classmethod
    def read(cls, path: Path) -> RestKeys:
        """Makes nothing. Raises `SettingsError`, also if there is no file."""
        return cls(path, *read_keys(path, _AT_REST))

    def rotate(self) -> RestKeys:
        """With a new current key, in the file too; the old ones stay and decrypt what is theirs."""
        return RestKeys(self.path, *add_key(self.path, _AT_REST))

    @property
    def current_id(self) -> str:
        """What has another `key_id` may be encrypted again."""
        return self.keys[-1].id

    def encrypt(self, value: bytes, identity: bytes) -> Encrypted:
        """`identity` says unmistakably whose value this is and under which restrictions; it is not stored."""
        key, nonce = self.keys[-1], os.urandom(_NONCE)
        return Encrypted(key.id, nonce + AESGCM(key.raw).encrypt(nonce, value, identity))

    def decrypt(self, encrypted: Encrypted, identity: bytes) -> bytes:
        """Raises `SecretRefused`, also for the value of another `identity`."""
        key = self._key(encrypted)
        if key is None:
            raise SecretRefused(
                f"encrypted with key {encrypted.key_id}, which {self.path.name} does not have;"
                " restore that file from a backup, or set the secret again"
            )
        value = _decrypted(key, encrypted.blob, identity)
        if value is None:
            raise SecretRefused(
                "what is stored of this secret was changed, or belongs to another one; set it again"
            )
        return value

    def can_decrypt(self, encrypted: Encrypted) -> bool:
        """Whether its key is here."""
        return self._key(encrypted) is not None

    def _key(self, encrypted: Encrypted) -> Key | None:
        return next((key for key in self.keys if key.id == encrypted.key_id), None)


def _decrypted(key: Key, blob: bytes, identity: bytes) -> bytes | None:
    try:
        return AESGCM(key.raw).decrypt(blob[:_NONCE], blob[_NONCE:], identity)
    except (InvalidTag, ValueError):  # a nonce that is cut off
        return None


def _id_of(raw: bytes) -> str:
    """Of a hash of its own, since the id is public and the key is not."""
    return hashlib.sha256(b"ci-bot id of a key at rest\n" + raw).hexdigest()[:16]


_AT_REST: Final = KeyKind(
    what="ci-bot keys of stored secrets",
    suite="AES-256-GCM",
    length=_KEY,
    make=lambda: os.urandom(_KEY),
    id_of=_id_of,
    if_lost="If there is none, move the file away: a new one is made, and every secret is to be set again",
)
