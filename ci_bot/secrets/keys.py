"""The server's key files in, keys to seal and to open with out; a missing file is made once.

A key file is JSON: `what` it holds, `version`, `suite`, and `keys`, the oldest first, each with its
`id` and its `key` in base64. The last key is the current one; the others open what was made with them.
To retire a key, take its entry out of the file.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from ci_bot.core.errors import SettingsError

VERSION: Final = 1
SUITE: Final = "MLKEM768-X25519, HKDF-SHA256, AES-256-GCM"

_SEED: Final = 64  # bytes of a private key of ML-KEM-768; the X25519 key follows
_MLKEM_PUBLIC: Final = 1184
_MAX_FILE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`raw` is the ML-KEM-768 key, 1,184 bytes, and the X25519 key, 32 bytes."""

    raw: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """For people to compare: SHA-256 in groups of four hexadecimal digits."""
        digits = hashlib.sha256(self.raw).hexdigest()
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))

    def for_hpke(self) -> hpke.MLKEM768X25519PublicKey:
        """Raises `ValueError` if these bytes are no such key."""
        return hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_PUBLIC]),
            x25519.X25519PublicKey.from_public_bytes(self.raw[_MLKEM_PUBLIC:]),
        )

    def to_text(self) -> str:
        """JSON, for the page `/keys` and for sealing without a connection to the server."""
        return json.dumps(self._fields(), indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """What `to_text` wrote. Raises `SettingsError` in words for anything else."""
        content = _json(text.encode("utf-8", errors="replace"))
        if problem := _refusal_of_public(content):
            raise SettingsError(
                [f"the public key {problem}; get it again from the server's page /keys"]
            )
        return cls(_bytes(content["public_key"]))

    def _fields(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "suite": SUITE,
            "id": self.id,
            "public_key": b64encode(self.raw).decode(),
            "fingerprint": self.fingerprint,
        }


@dataclass(frozen=True, slots=True)
class Key:
    """`raw` is secret: it is not shown, and `id` alone is compared."""

    id: str
    raw: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The private keys that open sealed strings, the oldest first; read from `path`.

    `warning` is for the operator: who else may read the file; "" if nobody.
    """

    path: Path
    keys: tuple[Key, ...]
    warning: str = ""

    @classmethod
    def read_or_make(cls, path: Path) -> Keyring:
        """Raises `SettingsError` if the file is there but cannot be used, or cannot be made."""
        return cls(path, *read_or_make_keys(path, _SEALING))

    @classmethod
    def read(cls, path: Path) -> Keyring:
        """Makes nothing. Raises `SettingsError`, also if there is no file."""
        return cls(path, *read_keys(path, _SEALING))

    def rotate(self) -> Keyring:
        """With a new current key, in the file too; the old ones stay and open what they sealed."""
        return Keyring(self.path, *add_key(self.path, _SEALING))

    @property
    def public(self) -> PublicKey:
        """The current key, to seal for."""
        return _public_key(self.keys[-1].raw)

    def private(self, key_id: str) -> hpke.MLKEM768X25519PrivateKey | None:
        return next((_for_hpke(key.raw) for key in self.keys if key.id == key_id), None)


@dataclass(frozen=True, slots=True)
class KeyKind:
    """What one key file has and another has not; `length` is in bytes."""

    what: str
    suite: str
    length: int
    make: Callable[[], bytes]
    id_of: Callable[[bytes], str]
    if_lost: str


def read_or_make_keys(path: Path, kind: KeyKind) -> tuple[tuple[Key, ...], str]:
    """The keys, the oldest first, and a warning; of several processes one makes the file for all."""
    try:
        return _read(path, kind)
    except FileNotFoundError:
        return _changed(path, kind, _first_key)


def read_keys(path: Path, kind: KeyKind) -> tuple[tuple[Key, ...], str]:
    """The same of a file that must be there: one that went away is not made anew in silence."""
    try:
        return _read(path, kind)
    except FileNotFoundError:
        raise SettingsError([f"{path} is gone; restore it from a backup"]) from None


def add_key(path: Path, kind: KeyKind) -> tuple[tuple[Key, ...], str]:
    """The keys with a new one at the end, stored. Raises `SettingsError`, also if there is no file."""
    return _changed(path, kind, _one_more_key)


def _changed(
    path: Path, kind: KeyKind, change: Callable[[Path, KeyKind], None]
) -> tuple[tuple[Key, ...], str]:
    try:
        with _alone_in(path.parent):
            change(path, kind)
            return _read(path, kind)
    except OSError as error:
        raise SettingsError([f"{path} cannot be read or written: {error.strerror}"]) from None


def _first_key(path: Path, kind: KeyKind) -> None:
    if not path.exists():  # another process was faster
        _write(path, kind, (_new_key(kind),))


def _one_more_key(path: Path, kind: KeyKind) -> None:
    keys, _ = _read(path, kind)
    _write(path, kind, (*keys, _new_key(kind)))


def _new_key(kind: KeyKind) -> Key:
    raw = kind.make()
    return Key(kind.id_of(raw), raw)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """The directory itself is locked: a file for it would stay, with an owner of its own."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)  # the new name of the file is on the disk as well
    finally:
        os.close(descriptor)


def _write(path: Path, kind: KeyKind, keys: tuple[Key, ...]) -> None:
    """Whole or not at all: written beside, then put in place. The caller has locked the directory."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # what a crash left is of any mode
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        _give_to_owner(descriptor, path.parent)
        file.write(_text(kind, keys))
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _give_to_owner(descriptor: int, directory: Path) -> None:
    """What root makes at the command line, the server must be able to read as its own user."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _text(kind: KeyKind, keys: tuple[Key, ...]) -> str:
    entries = [{"id": key.id, "key": b64encode(key.raw).decode()} for key in keys]
    content = {"what": kind.what, "version": VERSION, "suite": kind.suite, "keys": entries}
    return json.dumps(content, indent=2) + "\n"


def _read(path: Path, kind: KeyKind) -> tuple[tuple[Key, ...], str]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
            mode = os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError([f"{path} cannot be read: {error.strerror}"]) from None
    content = _json(data)
    if problem := _refusal_of_file(content, kind):
        raise SettingsError([f"{path} {problem}; restore it from a backup. {kind.if_lost}"])
    return tuple(_key(entry) for entry in content["keys"]), _warning(path, mode)


def _warning(path: Path, mode: int) -> str:
    if not mode & 0o077:
        return ""
    return f"{path} has mode {mode & 0o777:04o}, so others than its owner reach it: chmod 600 {path}"


def _refusal_of_file(content: Any, kind: KeyKind) -> str:
    if not isinstance(content, dict) or content.get("what") != kind.what:
        return f"does not hold {kind.what}, or is damaged"
    if problem := _refusal_of_version(content, kind.suite):
        return problem
    entries = content.get("keys")
    if (
        content.keys() != {"what", "version", "suite", "keys"}
        or not isinstance(entries, list)
        or not entries
    ):
        return "does not have the entries of a key file"
    for number, entry in enumerate(entries, 1):
        if not _is_sound(entry, kind):
            return f"is damaged: key {number} of {len(entries)} does not match its id"
    if len({entry["id"] for entry in entries}) < len(entries):
        return "has a key twice"
    return ""


def _refusal_of_version(content: dict[str, Any], suite: str) -> str:
    version = content.get("version")
    if type(version) is int and version > VERSION:
        return "was made by a newer ci-bot, which is needed to read it"
    if type(version) is not int or version != VERSION:
        return "has no version that ci-bot knows"
    return "" if content.get("suite") == suite else f"is not for the suite {suite}"


def _is_sound(entry: Any, kind: KeyKind) -> bool:
    if not isinstance(entry, dict) or entry.keys() != {"id", "key"}:
        return False
    raw = _bytes(entry["key"])
    return len(raw) == kind.length and entry["id"] == kind.id_of(raw)


def _key(entry: dict[str, str]) -> Key:
    return Key(entry["id"], _bytes(entry["key"]))


def _refusal_of_public(content: Any) -> str:
    if not isinstance(content, dict):
        return "is damaged or cut off"
    if problem := _refusal_of_version(content, SUITE):
        return problem
    key = PublicKey(_bytes(content.get("public_key")))
    if not _is_usable(key):
        return "is damaged: these bytes are no such key"
    for name, value in (("id", key.id), ("fingerprint", key.fingerprint)):
        if content.get(name) != value:
            return f"does not have the {name} that stands beside it"
    return ""


def _is_usable(key: PublicKey) -> bool:
    try:
        key.for_hpke()
    except ValueError:
        return False
    return True


def _json(data: bytes) -> Any:
    """None for what is no JSON or names a thing twice. The decoder's exception would hold the keys."""
    try:
        return json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
    content = dict(pairs)
    return content if len(content) == len(pairs) else None


def _bytes(text: Any) -> bytes:
    """From strict base64; b"" for anything else."""
    try:
        data = b64decode(text, validate=True)
    except (ValueError, TypeError):
        return b""
    return data if b64encode(data).decode() == text else b""


def _new_sealing_key() -> bytes:
    seed = mlkem.MLKEM768PrivateKey.generate().private_bytes_raw()
    return seed + x25519.X25519PrivateKey.generate().private_bytes_raw()


def _for_hpke(raw: bytes) -> hpke.MLKEM768X25519PrivateKey:
    return hpke.MLKEM768X25519PrivateKey(*_halves(raw))


def _public_key(raw: bytes) -> PublicKey:
    post_quantum, classical = _halves(raw)
    return PublicKey(
        post_quantum.public_key().public_bytes_raw() + classical.public_key().public_bytes_raw()
    )


def _halves(raw: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(raw[:_SEED]),
        x25519.X25519PrivateKey.from_private_bytes(raw[_SEED:]),
    )


_SEALING: Final = KeyKind(
    what="ci-bot sealing keys",
    suite=SUITE,
    length=_SEED + 32,
    make=_new_sealing_key,
    id_of=lambda raw: _public_key(raw).id,
    if_lost="If there is none, move the file away: a new one is made, and everything is to be sealed again",
)
