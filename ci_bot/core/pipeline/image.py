"""Image references as container engines read them, checked before an engine sees them.

https://github.com/distribution/reference/blob/main/reference.go
"""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.inputs import OPENING
from ci_bot.core.pipeline.cells import filled_in, values_in_words
from ci_bot.core.pipeline.references import refers_to_matrix
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, text

MAX_REPOSITORY: Final = 255
#: Room for a repository, a tag of 128 and a digest of 128 hexadecimal digits with its algorithm.
MAX_REFERENCE: Final = 600
#: The same with placeholders in it.
MOST_WRITTEN: Final = 4 * MAX_REFERENCE

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_PATH: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")
_BARE_ID: Final = re.compile(r"[a-f0-9]{64}")
_SCHEME: Final = re.compile(r"[a-z]+://")


def image(value: Value) -> str | None:
    """An image reference: `golang:1.24`, `ghcr.io/owner/name@sha256:…`."""
    reference = text(value)
    if reference is None:
        return None
    if OPENING in reference:
        return _of_cells(value, reference)
    complaint = _complaint(reference)
    if complaint is None:
        return reference
    message, hint = complaint
    value.wrong(f"{quoted(reference)} is not an image: {message}", hint)
    return None


def _of_cells(value: Value, reference: str) -> str | None:
    """It must be an image in every cell of the job's matrix."""
    if not refers_to_matrix(value, reference):
        return None
    if len(reference) > MOST_WRITTEN:
        value.wrong(f"is longer than {MOST_WRITTEN} characters")
        return None
    for cell in value.scope.matrix.cells if value.scope.matrix else ():
        written = filled_in(reference, cell)
        if complaint := _complaint(written):
            where = f"in the cell ({values_in_words(cell)}) {quoted(written)}"
            value.wrong(f"{where} is not an image: {complaint[0]}", complaint[1])
            return None
    return reference


def _complaint(reference: str) -> tuple[str, str] | None:
    """What is wrong with it and how to mend it; None if nothing is."""
    if not reference:
        return "it is empty", 'write one like "alpine:3.22"'
    if re.search(r"\s", reference):
        return "it contains a space", "remove the space"
    if "$" in reference:
        return "variables are not replaced here", "write the name of the image"
    if _SCHEME.match(reference):
        return "it begins with a scheme", f"leave out {quoted(reference[: reference.index('//') + 2])}"
    if len(reference) > MAX_REFERENCE:
        return f"it is longer than {MAX_REFERENCE} characters", ""
    return _complaint_about_parts(reference)


def _complaint_about_parts(reference: str) -> tuple[str, str] | None:
    rest, at, digest = reference.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return "its digest is malformed", 'after "@" comes "sha256:" and 64 hexadecimal digits'
    name, tag = _split_tag(rest)
    if tag is not None and not _TAG.fullmatch(tag):
        return f"{quoted(tag)} is not a tag", 'after ":" come letters, digits, "_", "." and "-"'
    return _complaint_about_name(name)


def _split_tag(rest: str) -> tuple[str, str | None]:
    """The last colon begins a tag unless a slash follows it: then it begins a port."""
    name, colon, tag = rest.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (rest, None)


def _complaint_about_name(name: str) -> tuple[str, str] | None:
    host, slash, path = name.partition("/")
    if not slash or not (set(".:") & set(host) or host == "localhost"):
        host, path = "", name
    if host and not _HOST.fullmatch(host):
        return f"{quoted(host)} is not a registry", 'a registry is a host like "ghcr.io"'
    if not _PATH.fullmatch(path):
        return _complaint_about_path(path)
    if len(name) > MAX_REPOSITORY:
        return f"its name is longer than {MAX_REPOSITORY} characters", ""
    if _BARE_ID.fullmatch(name):
        return "it is an engine's id", "name the image, with its digest if you like"
    return None


def _complaint_about_path(path: str) -> tuple[str, str]:
    if _PATH.fullmatch(path.lower()):
        return "the name must be in lower case", f"write {quoted(path.lower())}"
    return "the name is malformed", 'it is like "golang:1.24" or "ghcr.io/owner/name:tag"'
