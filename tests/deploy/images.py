"""Stand-ins for the images that `deploy/` starts from, of the distribution's packages.

What is tested is our own files on top of them: which registry the images come from does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docker import APIClient

from dev import packages
from dev.images import CACHE
from dev.recipes import SYSTEM
from dev.rootfs import rootfs


@dataclass(frozen=True, slots=True)
class Made:
    """`config` are lines of a Dockerfile; the user must be there without an entry in /etc/passwd."""

    name: str
    packages: tuple[str, ...]
    config: tuple[str, ...]


#: As the official image is configured.
HAPROXY = Made(
    "ci-bot-test/haproxy:1",
    ("haproxy",),
    ("USER 99:99", 'CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]'),
)
NGINX = Made("ci-bot-test/nginx:1", ("nginx",), ('CMD ["nginx", "-c", "/test/nginx.conf"]',))
CADDY = Made(
    "ci-bot-test/caddy:1", ("caddy",), ('CMD ["caddy", "run", "--config", "/test/Caddyfile"]',)
)
PROMTOOL = Made("ci-bot-test/promtool:1", ("prometheus",), ('ENTRYPOINT ["promtool"]',))


def ensure_haproxy(engine: APIClient) -> str:
    """Raises `NoPackagesError`."""
    return ensure(engine, HAPROXY)


def ensure(engine: APIClient, made: Made, say: Callable[[str], None] = print) -> str:
    """The image's name. Raises `NoPackagesError`."""
    mark = hashlib.sha256(repr(made).encode()).hexdigest()[:12]
    if engine.images(name=made.name, filters={"label": f"ci-bot.recipe={mark}"}):
        return made.name
    repository, tag = made.name.split(":")
    path = CACHE / f"{Path(repository).name}-{mark}.tar"
    if not path.exists():
        say(f"{made.name}: from the packages {', '.join(made.packages)}")
        CACHE.mkdir(parents=True, exist_ok=True)
        with rootfs(path, merged=True) as root:
            root.link("usr/bin/sh", "dash")
            for each in packages.fetch((*SYSTEM, *made.packages), CACHE.parent / "packages", say):
                with packages.contents(each) as files:
                    root.merge(files)
    labels = ["LABEL ci-bot.test-image=1", f"LABEL ci-bot.recipe={mark}"]
    engine.import_image_from_file(str(path), repository, tag, changes=[*made.config, *labels])
    return made.name
