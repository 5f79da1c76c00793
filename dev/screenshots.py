"""`python -m dev.screenshots`: makes the pictures of the documents anew, in headless Chromium."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dev.demo import push_failing, set_scene
from dev.stands import Stand, github, gitlab
from tests.browser import browsing
from tests.rig import ROOT, Process, free_port

PICTURES = ROOT / "docs" / "images"
CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1.5",
]


def main() -> None:
    fonts = subprocess.run(["fc-list", ":lang=und-zsye"], check=True, capture_output=True).stdout
    if not fonts:
        sys.exit("no font here has the marks that checks show; apt-get install fonts-noto-color-emoji")
    for take in (_take_github, _take_gitlab):
        with tempfile.TemporaryDirectory(prefix="ci-bot-pictures-") as home:
            asyncio.run(take(Path(home)))


async def _take_github(home: Path) -> None:
    async with github(home) as stand:
        await set_scene(stand)
        async with stand.install():
            await stand.protect()
            number, job = await _failed(stand)
            forge, url = stand.forge, stand.forge.url
            await forge.organization("globex", {"alice": "admin"})
            await forge.repo("globex/todo", {"README.md": "# To do\n"})
            _shoot(f"{url}/apps/ci-bot?as=alice", "install", 760, 290)
            _shoot(stand.pull(number), "pull-request", 1000, 1260)
            _shoot(f"{url}/{stand.repo}/runs/{job['id']}?as=alice", "check", 1000, 900)
            await _shoot_log(str(job["details_url"]))
        await asyncio.to_thread(_take_setup, url, home)


async def _take_gitlab(home: Path) -> None:
    async with gitlab(home) as stand:
        await set_scene(stand)
        async with stand.install():
            await stand.protect()
            number, _ = await _failed(stand)
            _shoot(stand.pull(number), "merge-request", 1000, 1180)


async def _failed(stand: Stand) -> tuple[int, dict[str, Any]]:
    """A pull request whose tests failed, with all that ci-bot has to say of it; and the job that failed."""
    sha, number = await push_failing(stand)
    job = await stand.forge.wait_check(stand.repo, sha, "ci-bot / test")
    while not await stand.forge.comments(stand.repo, number):
        await asyncio.sleep(0.05)
    return number, job


def _take_setup(url: str, home: Path) -> None:
    """What the link of `ci-bot app create` leads to."""
    port = free_port()
    config = home / "set-up.toml"
    config.write_text(
        f'data_dir = "{home}/set-up"\nport = {port}\npublic_url = "http://127.0.0.1:{port}"\n'
    )
    command = [sys.executable, "-u", "-m", "ci_bot", "app", "create", "--org", "acme"]
    command += ["--web-url", url, "--config", str(config)]
    creating = Process(command, home / "create.log")
    creating.start()
    try:
        while not (link := re.search(r"http\S+/setup/\S+", creating.tail())):
            creating.check()
            time.sleep(0.05)
        _shoot(link[0], "set-up", 760, 500)
    finally:
        creating.kill()


async def _shoot_log(page: str) -> None:
    """The log page, for wide windows and narrow ones, in the light and in the dark."""
    async with browsing() as browser:
        for name, width, height, is_dark in (
            ("log-page", 1280, 640, False),
            ("log-page-narrow", 390, 760, True),
        ):
            await browser.show(width, height, dark=is_dark)
            await browser.open(page)
            await asyncio.sleep(1)
            target = PICTURES / f"{name}.png"
            await browser.picture(target)
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KiB")


def _shoot(page: str, name: str, width: int, height: int) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    target = PICTURES / f"{name}.png"
    with tempfile.TemporaryDirectory() as profile:
        command = [*CHROMIUM, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        subprocess.run([*command, f"--screenshot={target}", page], check=True, capture_output=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
