"""Stand-ins for the two images that `deploy/` starts from, of the distribution's packages.

What is tested is our own files on top of them: which registry the images come from does not matter.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from docker import APIClient

from dev import packages
from dev.images import CACHE
from dev.recipes import SYSTEM
from dev.rootfs import rootfs

HAPROXY = "ci-bot-test/haproxy:1"
#: As the official image is configured.
_HAPROXY_CONFIG = ["USER 99:99", 'CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]']


def ensure_haproxy(engine: APIClient) -> str:
    """Raises `NoPackagesError`."""
    mark = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    if engine.images(name=HAPROXY, filters={"label": f"ci-bot.recipe={mark}"}):
        return HAPROXY
    path = CACHE / f"haproxy-{mark}.tar"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with rootfs(path, merged=True) as root:
            root.link("usr/bin/sh", "dash")
            for each in packages.fetch((*SYSTEM, "haproxy"), CACHE.parent / "packages", print):
                with packages.contents(each) as files:
                    root.merge(files)
    repository, tag = HAPROXY.split(":")
    labels = ["LABEL ci-bot.test-image=1", f"LABEL ci-bot.recipe={mark}"]
    engine.import_image_from_file(str(path), repository, tag, changes=[*_HAPROXY_CONFIG, *labels])
    return HAPROXY
