"""Image references: what an engine would take, and what a person is told about the rest."""

from __future__ import annotations

import pytest

from tests.core.pipeline.examples import complaints, read_text, top

#: The file, and what a person is told about it.
CASES: list[tuple[str, list[str]]] = [
    (
        top("image: Golang"),
        ['1:8: image: "Golang" is not an image: the name must be in lower case; write "golang"'],
    ),
    (
        top("image: MyOrg/app:1"),
        [
            '1:8: image: "MyOrg/app:1" is not an image: the name must be in lower case; write "myorg/app"'
        ],
    ),
    (
        top("image: alpine 3"),
        ['1:8: image: "alpine 3" is not an image: it contains a space; remove the space'],
    ),
    (
        top("image: -alpine"),
        [
            '1:8: image: "-alpine" is not an image: the name is malformed; it is like "golang:1.24" or "ghcr.io/owner/name:tag"'
        ],
    ),
    (
        top("image: alpine:"),
        [
            '1:14: a ": " where no key can be; quote the value if the colon belongs to it; otherwise mend the indentation'
        ],
    ),
    (
        top("image: alpine:.x"),
        [
            '1:8: image: "alpine:.x" is not an image: ".x" is not a tag; after ":" come letters, digits, "_", "." and "-"'
        ],
    ),
    (
        top("image: docker://alpine"),
        [
            '1:8: image: "docker://alpine" is not an image: it begins with a scheme; leave out "docker://"'
        ],
    ),
    (
        top("image: alpine:$VERSION"),
        [
            '1:8: image: "alpine:$VERSION" is not an image: variables are not replaced here; write the name of the image'
        ],
    ),
    (
        top("image: alpine@sha256:abc"),
        [
            '1:8: image: "alpine@sha256:abc" is not an image: its digest is malformed; after "@" comes "sha256:" and 64 hexadecimal digits'
        ],
    ),
    (
        top("image: gh_cr.io/x"),
        [
            '1:8: image: "gh_cr.io/x" is not an image: "gh_cr.io" is not a registry; a registry is a host like "ghcr.io"'
        ],
    ),
    (top("image: ''"), ['1:8: image: "" is not an image: it is empty; write one like "alpine:3.22"']),
    (
        top("image: " + "a" * 64),
        [
            '1:8: image: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" is not an image: it is an engine\'s id; name the image, with its digest if you like'
        ],
    ),
    (
        top("image: " + "a" * 256),
        [
            '1:8: image: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" is not an image: its name is longer than 255 characters'
        ],
    ),
    (
        top("image: " + "a" * 700),
        [
            '1:8: image: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" is not an image: it is longer than 600 characters'
        ],
    ),
    (
        top("image: a//b"),
        [
            '1:8: image: "a//b" is not an image: the name is malformed; it is like "golang:1.24" or "ghcr.io/owner/name:tag"'
        ],
    ),
    (
        top("image: a___b"),
        [
            '1:8: image: "a___b" is not an image: the name is malformed; it is like "golang:1.24" or "ghcr.io/owner/name:tag"'
        ],
    ),
    (
        top("image: {{ image }}"),
        [
            "1:8: image: must be text, not a map",
            '1:9: image: a key must be text, not a map; quote the value if it is meant to begin with "{" or "["',
        ],
    ),
]


@pytest.mark.parametrize(("text", "told"), CASES, ids=[text[:40] for text, _ in CASES])
def test_what_no_engine_would_take(text: str, told: list[str]) -> None:
    assert complaints(text) == told


@pytest.mark.parametrize(
    "reference",
    [
        "alpine",
        "alpine:3.22",
        "golang:1.24-alpine_X.y",
        "library/alpine",
        "a/b/c/d",
        "my-org/my_app__x/a.b--c:latest",
        "ghcr.io/owner/name",
        "GHCR.io/owner/name",
        "localhost/name",
        "localhost:5000/name:1",
        "registry:5000/name",
        "'[::1]:5000/name'",
        "127.0.0.1:5000/name",
        "alpine@sha256:" + "0" * 64,
        "alpine:3@sha256:" + "0" * 64,
        "a" * 63,
        "a" * 255,
        "a:" + "b" * 128,
    ],
)
def test_what_engines_take(reference: str) -> None:
    pipeline = read_text(top(f"image: {reference}")).pipeline
    assert pipeline
    assert pipeline.jobs[0].steps[0].image == reference.strip("'")
