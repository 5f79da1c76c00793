"""Makes what `make test-deploy` starts from, and says how far it is: minutes at first, seconds once it is there."""

from __future__ import annotations

import sys

import docker

from dev.images import ensure_images
from dev.packages import NoPackagesError
from dev.recipes import BUSYBOX
from tests.deploy.images import CADDY, HAPROXY, NGINX, PROMTOOL, ensure
from tests.deploy.server_image import NotBuilt, build_both


def main() -> int:
    ensure_images([BUSYBOX])
    engine = docker.APIClient(timeout=900)
    try:
        for made in (HAPROXY, NGINX, CADDY, PROMTOOL):
            ensure(engine, made, say)
        build_both(engine, say)
    except (NoPackagesError, NotBuilt) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    finally:
        engine.close()
    return 0


def say(line: str) -> None:
    print(f"deploy: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
