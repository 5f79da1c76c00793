"""The key files beside what the database says was made with them; nothing is made anew in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ci_bot.core.errors import SettingsError
from ci_bot.core.sealed import SealBroken, parse_sealed
from ci_bot.secrets.keys import Keyring
from ci_bot.secrets.lost import SEALED, STORED, KeyFile, MadeWith, lacking, missing
from ci_bot.secrets.rest import RestKeys
from ci_bot.settings import Settings
from ci_bot.store import SecretStore

_UNREADABLE: Final = ""


async def require_keys(settings: Settings, secrets: SecretStore) -> None:
    """Before a missing file is made. Raises `SettingsError` where the database depends on the old one."""
    files = await key_files(settings, secrets)
    problems = [problem for problem in map(missing, files) if problem]
    if problems:
        raise SettingsError(problems)


async def lost_keys(settings: Settings, secrets: SecretStore) -> Sequence[str]:
    """Every problem, also of files that are there and lack a key. Raises `SettingsError`."""
    files = await key_files(settings, secrets)
    return [problem for problem in map(lacking, files) if problem]


async def key_files(settings: Settings, secrets: SecretStore) -> Sequence[KeyFile]:
    """Both, read and not made."""
    rest, sealing = settings.keys / STORED, settings.keys / SEALED
    rest_ids = [key.id for key in RestKeys.read(rest).keys] if rest.exists() else None
    sealing_ids = [key.id for key in Keyring.read(sealing).keys] if sealing.exists() else None
    return (
        KeyFile(STORED, rest_ids, await _stored(secrets)),
        KeyFile(SEALED, sealing_ids, await _sealed(secrets)),
    )


async def _stored(secrets: SecretStore) -> Sequence[MadeWith]:
    return [MadeWith(each.key_id, f"{each.name} of {scope}") for each, scope in await secrets.in_use()]


async def _sealed(secrets: SecretStore) -> Sequence[MadeWith]:
    found = [
        MadeWith(key_of(ref.sealed), f"{ref.name} in {repo}, {branch}")
        for repo, branch, ref in await secrets.sealed_in_use()
    ]
    return [each for each in found if each.key_id != _UNREADABLE]


def key_of(sealed: str) -> str:
    """The id of its key; "" for what this version cannot read: that is to be sealed again as well."""
    try:
        return parse_sealed(sealed).header.key_id
    except SealBroken:
        return _UNREADABLE
