"""`docker compose up -d` with a new version while five jobs run: none of them notices.

The server's image, compose.yaml and haproxy.cfg are those of `deploy/`; it takes minutes to build the
image for the first time, so this is `make test-deploy`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker import APIClient

from ci_bot.settings import APP_FILE, KEY_FILE, SECRET_FILE
from dev.images import ensure_images
from dev.recipes import BUSYBOX
from tests.deploy import composed
from tests.deploy.composed import Project
from tests.deploy.images import ensure_haproxy
from tests.deploy.server_image import SERVER, build_both
from tests.forge_sim.client import ForgeClient
from tests.rig import make_bot, running_forge
from tests.scenarios.world import World

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif("CI_BOT_TEST_DEPLOY" not in os.environ, reason="make test-deploy"),
    pytest.mark.timeout(1500),
]

JOBS = ("one", "two", "three", "four", "five")
EXIT_CODES = {"three": 3}
AFTER = 200
PATIENT = 120.0  # the first look at health is due after 15 s, and this machine may have more to do

YAML = "jobs:\n" + "".join(
    f"""\
  {name}:
    steps:
      - name: long
        run: |
          echo started >> marks
          i=0
          while [ ! -e go-on ]; do echo "line $i"; i=$((i+1)); sleep 0.02; done
          end=$((i + {AFTER}))
          while [ $i -lt $end ]; do echo "line $i"; i=$((i+1)); done
          echo "end $end, marks $(wc -l < marks)"
          exit {EXIT_CODES.get(name, 0)}
      - name: after
        run: echo "after $(wc -l < marks)"
"""
    for name in JOBS
)


@pytest.fixture(scope="module")
def engine() -> Iterator[APIClient]:
    client = docker.APIClient(timeout=900)
    yield client
    client.close()


@pytest.fixture(scope="module")
def images(engine: APIClient) -> dict[str, str]:
    ensure_images([BUSYBOX])
    build_both(engine)
    return {"ci-bot": f"{SERVER}:${{CI_BOT_VERSION}}", "engine": ensure_haproxy(engine)}


@pytest.fixture
def home() -> Iterator[Path]:
    """What tmpfiles.conf makes on a machine, below a directory with a short name."""
    made = Path(tempfile.mkdtemp(prefix="cib-", dir="/var/tmp"))
    for line in (composed.DEPLOY / "ci-bot.tmpfiles.conf").read_text().splitlines():
        if line.startswith("d "):
            _, path, mode, uid, gid = line.split()
            folder = Path(str(made) + path)
            folder.mkdir(parents=True)
            folder.chmod(int(mode, 8))
            os.chown(folder, int(uid), int(gid))
    yield made
    shutil.rmtree(made)


@pytest.fixture
async def world(
    images: dict[str, str], engine: APIClient, home: Path, tmp_path: Path
) -> AsyncIterator[tuple[World, Project]]:
    project = Project("ci-bot-test", home)
    with running_forge(tmp_path / "forge") as url:
        async with ForgeClient(url) as client:
            bot = await make_bot(client, tmp_path / "bot", CI_BOT_MAX_JOBS="5", CI_BOT_HOST="127.0.0.1")
            settings = {
                name: value
                for name, value in bot.env.items()
                if name.startswith("CI_BOT_") and name != "CI_BOT_CONFIG"
            }
            data, run = (f"{home}{path}" for path in ("/var/lib/ci-bot", "/run/ci-bot"))
            settings |= {"CI_BOT_DATA_DIR": data, "CI_BOT_RUN_DIR": run}
            _store_app(Path(data) / "github-app", settings)
            composed.write(home, images, settings)
            people = World(client, bot, "composed")
            try:
                yield people, project
            finally:
                project.down("2")
                _remove(engine, people)


def _remove(engine: APIClient, people: World) -> None:
    """After a failure jobs are left, which the next time would be taken for its own."""
    for each in people.containers():
        engine.remove_container(each["Id"], force=True)


def _store_app(folder: Path, settings: dict[str, str]) -> None:
    """As `ci-bot app create` leaves it in the data directory."""
    folder.mkdir()
    os.chown(folder, 10001, 10001)
    given = {
        name: settings.pop(f"CI_BOT_GITHUB__{name.upper()}")
        for name in ("api_url", "web_url", "app_id")
    }
    lines = [f'api_url = "{given["api_url"]}"', f'web_url = "{given["web_url"]}"']
    _hand_in(folder / APP_FILE, "\n".join([f"app_id = {given['app_id']}", *lines, ""]))
    key = Path(settings.pop("CI_BOT_GITHUB__PRIVATE_KEY_FILE"))
    _hand_in(folder / KEY_FILE, key.read_text())
    _hand_in(folder / SECRET_FILE, settings.pop("CI_BOT_GITHUB__WEBHOOK_SECRET"))


def _hand_in(file: Path, text: str) -> None:
    """As `install -m 0400 -o 10001` does."""
    file.write_text(text)
    file.chmod(0o400)
    os.chown(file, 10001, 10001)


async def test_an_upgrade_while_five_jobs_run_disturbs_none(
    world: tuple[World, Project], engine: APIClient, home: Path
) -> None:
    people, project = world
    project.up("1")
    await people.until(lambda: health(engine, project) == "healthy", PATIENT)
    before = server(engine, project)
    assert "it sees the server's files" in project.doctor("1")
    await people.found()
    await people.make_repo()
    sha = await people.push("main", ci_yaml=YAML)
    await people.until(lambda: len(running(people)) == len(JOBS), PATIENT)
    builds = running(people)

    project.up("2")
    await people.until(lambda: health(engine, project) == "healthy", PATIENT)
    after = server(engine, project)
    assert (after["Id"] != before["Id"], after["Config"]["Image"]) == (True, f"{SERVER}:2")
    assert running(people) == builds
    assert set((await people.checks(sha)).values()) == {"in_progress"}

    for tree in (home / "var/lib/ci-bot/jobs").glob("*/tree"):
        (tree / "go-on").touch()
    await people.check(sha, timeout=PATIENT)
    said = {f"ci-bot / {name}": "failure" if name in EXIT_CODES else "success" for name in JOBS}
    assert await people.ended(sha) == said | {"ci-bot": "failure"}
    for name in JOBS:
        check = await people.check(sha, f"ci-bot / {name}")
        log = await people.log(check)
        numbers = [int(line.split()[1]) for line in log.splitlines() if line.startswith("line ")]
        assert numbers == list(range(len(numbers)))
        assert f"end {len(numbers)}, marks 1" in log
        assert ("after 1" in log) == (name not in EXIT_CODES)
        if name in EXIT_CODES:
            assert f"exit code {EXIT_CODES[name]}" in check["output"]["title"]
    assert await people.forge.violations() == []
    told = project.logs("2")
    assert told.count('"job adopted"') == len(JOBS)
    assert '"version": "2.0.0"' in told
    await people.until(lambda: not people.containers(), PATIENT)
    await people.until(lambda: not list((home / "run/ci-bot").iterdir()), PATIENT)
    await people.until(lambda: not list((home / "var/lib/ci-bot/jobs").iterdir()), PATIENT)


def running(world: World) -> set[str]:
    return {one["Id"] for one in world.containers() if one["State"] == "running"}


def server(engine: APIClient, project: Project) -> dict[str, Any]:
    labels = [f"com.docker.compose.project={project.name}", "com.docker.compose.service=ci-bot"]
    found = engine.containers(filters={"label": labels})
    described: dict[str, Any] = engine.inspect_container(found[0]["Id"]) if found else {}
    return described


def health(engine: APIClient, project: Project) -> str:
    return str(server(engine, project).get("State", {}).get("Health", {}).get("Status", ""))
