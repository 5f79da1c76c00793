"""Variants of the test images: an image, a script run in it and a change of its configuration in, an image out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docker import APIClient


@contextmanager
def variant(engine: APIClient, base: str, name: str, script: str, change: str) -> Iterator[str]:
    """The image `name`, as long as the block lasts."""
    made = engine.create_container(base, ["sh", "-c", script], user="0", entrypoint="")["Id"]
    engine.start(made)
    assert engine.wait(made)["StatusCode"] == 0
    repository, tag = name.split(":")
    engine.commit(made, repository, tag, changes=change)
    engine.remove_container(made)
    try:
        yield name
    finally:
        engine.remove_image(name, force=True)
