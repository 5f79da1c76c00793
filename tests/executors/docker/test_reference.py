"""Names of images are read as the engine reads them, and never mean an id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import StepRefused
from ci_bot.executors.docker.reference import parse

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "host", "full"),
    [
        ("alpine", "docker.io", "docker.io/library/alpine:latest"),
        ("alpine:3.20", "docker.io", "docker.io/library/alpine:3.20"),
        ("acme/web", "docker.io", "docker.io/acme/web:latest"),
        ("docker.io/alpine", "docker.io", "docker.io/library/alpine:latest"),
        ("index.docker.io/acme/web", "docker.io", "docker.io/acme/web:latest"),
        ("ghcr.io/acme/web:1", "ghcr.io", "ghcr.io/acme/web:1"),
        ("localhost/web", "localhost", "localhost/web:latest"),
        ("localhost:5000/web", "localhost:5000", "localhost:5000/web:latest"),
        ("127.0.0.1:5000/a/b/c:x", "127.0.0.1:5000", "127.0.0.1:5000/a/b/c:x"),
        ("[::1]:5000/web", "[::1]:5000", "[::1]:5000/web:latest"),
        (f"acme/web@{DIGEST}", "docker.io", f"docker.io/acme/web@{DIGEST}"),
        (f"acme/web:1@{DIGEST}", "docker.io", f"docker.io/acme/web@{DIGEST}"),
        # An image's id is a name like any other here: it would open what another repository pulled.
        ("0288bad3eac5", "docker.io", "docker.io/library/0288bad3eac5:latest"),
        (DIGEST, "docker.io", f"docker.io/library/{DIGEST}"),
    ],
)
def test_full_names(text: str, host: str, full: str) -> None:
    read = parse(text)
    assert (read.host, str(read)) == (host, full)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "a:", "a b", "A/b", "a//b", "/a", "a/", "-a", "a:b:c", "a@", "a@x", f"a@{DIGEST}0"),
        *(
            "a\n",
            "a:1\n",
            "http://x.y/z",
            "x.y:port/z",
            "../a",
            "a/../b",
            "ä",
            "x" * 300,
            "a?b",
            "$(id)",
        ),
    ],
)
def test_what_is_no_image_name(text: str) -> None:
    with pytest.raises(StepRefused, match="is not an image name"):
        parse(text)


def test_a_hostile_name_costs_no_time() -> None:
    for name in ("a" * 60_000 + ".!/x", "x.y/" + "a-" * 30_000, "a__" * 20_000):
        with pytest.raises(StepRefused):
            parse(name)


@given(st.text(st.sampled_from("abzAZ09._-/:@[] \n")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse(text)
    except StepRefused:
        return
    assert str(parse(str(read))) == str(read)
    assert "/" in str(read)
