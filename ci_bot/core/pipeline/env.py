"""`env` maps: names and values of environment variables, as written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from ci_bot.core.pipeline.references import refers
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import fits
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import Value, one_or_more, pairs, text
from ci_bot.core.planned import SecretRef
from ci_bot.core.sealed import SealBroken, parse_sealed
from ci_bot.core.secret_names import refusal_of_name

#: Name → value, or the secret that is its value.
Env: TypeAlias = Mapping[str, str | SecretRef]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HINT: Final = 'write {secret: NAME} or {sealed: "ci-bot.1…"}'


def env(value: Value) -> Env | None:
    """Numbers and booleans are the text they look like; nothing is an error."""
    found = pairs(value)
    if found is None:
        return None
    read = {name: _variable(name, entry) for name, entry in found}
    return {name: content for name, content in read.items() if content is not None}


def secrets(value: Value) -> Env | None:
    """A list of names of stored secrets, each in the environment under its own name."""
    entries = one_or_more(value)
    if entries is None:
        return None
    named: dict[str, SecretRef] = {}
    for entry in entries:
        name = text(entry)
        if name is None or not _is_secret_name(name, entry):
            continue
        if name in named:
            entry.wrong(f"{quoted(name)} is named twice", "remove one of them")
        named[name] = SecretRef(name, name)
    return named


def joined(variables: Env | None, named: Env | None, at: Value | None) -> Env:
    """`env` and `secrets` of one level; a name stands in one of them."""
    variables, named = variables or {}, named or {}
    twice = sorted(set(variables) & set(named))
    if twice and at is not None:
        at.wrong(f"{quoted(twice[0])} is set by env as well", "name it in one of the two")
    return {**variables, **named} if variables and named else variables or named


def _variable(name: str, entry: Value) -> str | SecretRef | None:
    if not _NAME.fullmatch(name):
        hint = "letters, digits and _ make a name, and no digit begins it"
        entry.wrong_key(f"{quoted(name)} is not the name of a variable", hint)
    elif name == "CI" or name.startswith("CI_"):
        entry.wrong_key(
            f"{quoted(name)} is set by ci-bot", "choose a name that does not begin with CI_"
        )
    if isinstance(entry.node, Pairs):
        return _secret(name, entry)
    return _content(entry)


def _content(entry: Value) -> str | None:
    if entry.is_null:
        entry.wrong_key("has no value", 'write "" for an empty one')
        return None
    content = text(entry)
    if content is None or not fits(entry, content, "the value"):
        return None
    return content if refers(entry, content) else None


def _secret(variable: str, entry: Value) -> SecretRef | None:
    """A map of one key, which says where the value comes from."""
    found = pairs(entry) or []
    if [key for key, _ in found] not in (["secret"], ["sealed"]):
        entry.wrong("must be text or a secret", _HINT)
        return None
    ((kind, value),) = found
    written = text(value)
    if written is None or _is_refused_variable(variable, entry):
        return None
    if kind == "secret":
        return SecretRef(variable, written) if _is_secret_name(written, value) else None
    return _sealed(variable, written, value)


def _sealed(variable: str, written: str, value: Value) -> SecretRef | None:
    """Whether it opens is seen when it is needed; what its header says is seen here."""
    try:
        name = parse_sealed(written).header.name
    except SealBroken as error:
        value.wrong(str(error))
        return None
    if name != variable:
        value.wrong(f"this sealed string is for {quoted(name)}", "a secret is sealed for one variable")
        return None
    return SecretRef(variable, name, written)


def _is_secret_name(name: str, entry: Value) -> bool:
    refusal = refusal_of_name(name)
    if refusal:
        entry.wrong(refusal)
    return not refusal


def _is_refused_variable(variable: str, entry: Value) -> bool:
    """A secret must not become what a shell or a loader obeys, under whatever name it is stored."""
    refusal = refusal_of_name(variable)
    if refusal and _NAME.fullmatch(variable) and not variable.startswith("CI"):
        entry.wrong_key(refusal)
    return bool(refusal)
