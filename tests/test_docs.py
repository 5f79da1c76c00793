"""The documents and `deploy/` say what the code does: names, defaults, links, commands and examples."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import click
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ci_bot import ports
from ci_bot.cli.main import COMMANDS, cli
from ci_bot.core.pipeline import read
from ci_bot.flow.meters import Meters
from ci_bot.forges.github.permissions import NEEDED_EVENTS, NEEDED_PERMISSIONS
from ci_bot.settings import (
    ENV_PREFIX,
    DiskSettings,
    EngineSettings,
    GitHubSettings,
    GitLabSettings,
    LimitSettings,
    NotificationSettings,
    RegistrySettings,
    RetentionSettings,
    Settings,
    TrustSettings,
    load,
)
from ci_bot.store.schema import metadata

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PARTS: dict[str, type[BaseModel]] = {
    "github": GitHubSettings,
    "gitlab": GitLabSettings,
    "registries": RegistrySettings,
    "engines": EngineSettings,
    "trust": TrustSettings,
    "notifications": NotificationSettings,
    "limits": LimitSettings,
    "disk": DiskSettings,
    "retention": RetentionSettings,
}

LISTS = ("registries", "engines", "trust", "notifications")

Row = tuple[str, ...]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# ── settings ─────────────────────────────────────────────────────────────────────────────────


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """("limits.memory", its field) for every setting, tables opened."""
    for name, field in model.model_fields.items():
        if name not in PARTS or name in LISTS:
            yield prefix + name, field
        if name in PARTS:
            yield from settings_of(PARTS[name], f"{name}.")


SETTINGS = dict(settings_of(Settings))


def test_every_setting_has_its_row() -> None:
    assert list(settings_table()) == list(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_row_of_a_setting_names_its_variable(name: str) -> None:
    variable = settings_table()[name][3]
    if name.startswith(tuple(f"{each}." for each in LISTS)):
        assert variable == "in the JSON"
    else:
        assert variable == ENV_PREFIX + name.replace(".", "__").upper()


@pytest.mark.parametrize("name", SETTINGS)
def test_the_row_of_a_setting_says_whether_it_is_required(name: str) -> None:
    assert (settings_table()[name][2] == "required") == SETTINGS[name].is_required()


@pytest.mark.parametrize(
    "name", [name for name in SETTINGS if SETTINGS[name].default not in (None, "", ())]
)
def test_the_row_of_a_setting_gives_its_default(name: str) -> None:
    if not SETTINGS[name].is_required():
        default = SETTINGS[name].default
        shown = ", ".join(default) if isinstance(default, tuple) else str(default)
        assert settings_table()[name][2] == shown


@pytest.mark.parametrize(
    "name", [name for name, field in SETTINGS.items() if "SecretStr" in str(field.annotation)]
)
def test_every_secret_may_come_from_a_file(name: str) -> None:
    assert f"`{name.rpartition('.')[2]}_file`" in settings_table(plain=False)[name][4]


def settings_table(*, plain: bool = True) -> dict[str, Row]:
    return {row[0].strip("`"): row for row in table("docs/operations.md", "Settings", plain=plain)}


# ── deploy ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's `/etc/ci-bot` with the files that the example settings name."""
    for name in ("CI_BOT_CONFIG", *(ENV_PREFIX + name.replace(".", "__").upper() for name in SETTINGS)):
        monkeypatch.delenv(name, raising=False)
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "github.pem").write_bytes(pem)
    for name in ("webhook-secret", "ghcr-token", "ca-certificates.crt", "team-urls"):
        (tmp_path / name).write_text("0123456789abcdef")
    for name in ("gitlab-token", "gitlab-webhook-token"):
        (tmp_path / name).write_text("0123456789abcdef")
    (tmp_path / "gitlab-signing-token").write_text(f"whsec_{b64encode(bytes(32)).decode()}")
    return tmp_path


def placed(text: str, folder: Path) -> Path:
    file = folder / "ci-bot.toml"
    file.write_text(text.replace("/etc/ci-bot", str(folder)).replace("/etc/ssl/certs", str(folder)))
    return file


def test_the_example_settings_are_good_as_they_are(installed: Path) -> None:
    settings = load(placed((DEPLOY / "ci-bot.toml").read_text(), installed))
    assert settings.github is not None
    assert settings.limits == LimitSettings()


def test_the_example_settings_hold_every_setting_with_its_default(installed: Path) -> None:
    text = (DEPLOY / "ci-bot.toml").read_text()
    shown = placed(re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE), installed)
    load(shown)
    values = dict(flattened(tomllib.loads(shown.read_text())))
    assert set(values) == set(SETTINGS) - set(LISTS)
    commented = set(re.findall(r"^#(\w+) = ", text, re.MULTILINE))
    for name, field in SETTINGS.items():
        if name.rpartition(".")[2] in commented and field.default not in (None, "", ()):
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert field.is_required() or values[name] in (default, str(default)), name


def flattened(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        elif name in LISTS:
            yield from flattened(value[0], f"{name}.")
        else:
            yield prefix + name.removesuffix("_file" if name != "ca_file" else ""), value


def test_the_variables_of_compose_and_dockerfile_are_settings() -> None:
    named = set(compose()["environment"]) | set(re.findall(r"CI_BOT_\w+", page("deploy/Dockerfile")))
    known = {ENV_PREFIX + name.replace(".", "__").upper() for name in SETTINGS}
    assert {name.removesuffix("_FILE") for name in named} <= known


def test_compose_shows_the_engine_the_paths_that_the_server_sees() -> None:
    binds = {v["target"]: v["source"] for v in compose()["volumes"] if isinstance(v, dict)}
    environment = compose()["environment"]
    for name in ("CI_BOT_DATA_DIR", "CI_BOT_RUN_DIR"):
        assert binds[environment[name]] == environment[name]


def compose() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load(page("deploy/compose.yaml"))["services"]["ci-bot"]
    return service


def test_the_image_and_the_container_have_the_same_user() -> None:
    (uid,) = re.findall(r"--uid (\d+)", page("deploy/Dockerfile"))
    (gid,) = re.findall(r"--gid (\d+)", page("deploy/Dockerfile"))
    assert compose()["user"] == f"{uid}:{gid}"
    assert f"-o {uid} -g {gid}" in page("docs/operations.md")


def test_what_the_image_copies_is_there_and_let_in() -> None:
    let_in = {line[1:] for line in page("deploy/Dockerfile.dockerignore").split() if line[0] == "!"}
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", page("deploy/Dockerfile"), re.MULTILINE)
    names = {name.rstrip("/") for line in copied for name in line.split()}
    assert names == let_in
    assert all((ROOT / name).exists() for name in names)


def test_the_unit_keeps_what_adoption_needs() -> None:
    unit = dict(re.findall(r"^(\w+)=(.*)$", page("deploy/ci-bot.service"), re.MULTILINE))
    assert unit["RuntimeDirectoryPreserve"] == "yes"  # control directories are mounted in containers
    assert unit["KillMode"] == "mixed"
    assert "PrivateUsers" not in unit
    settings = tomllib.loads(page("deploy/ci-bot.toml"))
    assert settings["run_dir"] == f"/run/{unit['RuntimeDirectory']}"
    assert Settings.model_fields["data_dir"].default == Path("/var/lib", unit["StateDirectory"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "ci-bot.service"
    unit.write_text(
        re.sub(
            r"^ExecStart=\S+", "ExecStart=/bin/true", page("deploy/ci-bot.service"), flags=re.MULTILINE
        )
    )
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in found.stderr.splitlines() if "ci-bot.service" in line]
    assert not complaints


# ── names that the documents repeat ──────────────────────────────────────────────────────────


def test_every_metric_has_its_row() -> None:
    described = {
        row[0]: row[1] for row in table("docs/operations.md", "Health") if row[0].startswith("ci_bot_")
    }
    collected = [
        metric for metric in Meters().registry.collect() if not metric.name.endswith("_created")
    ]
    suffix = {"counter": "_total"}
    assert described == {m.name + suffix.get(m.type, ""): m.type for m in collected}


def test_the_import_table_is_the_contract() -> None:
    contracts = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    rows = table("docs/architecture.md", "Who may import whom")
    shown = [re.findall(r"ci_bot\.\w+", row[1]) for row in rows if row[0].isdigit()]
    assert shown == [layer.split(" | ") for layer in layers]


def test_every_port_names_who_implements_it() -> None:
    rows = {row[0]: row[1] for row in table("docs/architecture.md", "Ports")}
    named = {name for cell in rows for name in cell.split(", ")}
    assert named == {name for name, value in vars(ports).items() if is_port(value)}
    for path in re.findall(
        r"[a-z_]+(?:\.[a-z_]+)+\.[A-Z]\w+|[a-z_]+\.[A-Z]\w+", " ".join(rows.values())
    ):
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(f"ci_bot.{module}"), name), path


def is_port(value: object) -> bool:
    is_protocol = isinstance(value, type) and Protocol in value.__bases__
    return is_protocol and value.__module__.startswith(f"{ports.__name__}.")


def test_every_table_of_the_database_has_its_row() -> None:
    rows = table("docs/architecture.md", "State")
    assert sorted(row[0] for row in rows) == sorted(metadata.tables)


def test_the_permissions_and_events_of_the_app_are_those_that_it_needs() -> None:
    levels = {"Read-only": "read", "Read and write": "write"}
    called = {"commit_statuses": "statuses"}
    rows = {row[0]: row[1] for row in table("docs/install-github.md", "The App by hand")}
    granted = {
        name.lower().replace(" ", "_"): levels[level] for name, level in rows.items() if level in levels
    }
    assert {called.get(name, name): level for name, level in granted.items()} == NEEDED_PERMISSIONS
    (sentence,) = re.findall(r"Subscribe to events: (.+)\.", page("docs/install-github.md"))
    events = [name.lower().replace(" ", "_") for name in re.findall(r"\*\*(.+?)\*\*", sentence)]
    assert sorted(events) == sorted(NEEDED_EVENTS)


# ── links, commands, examples ────────────────────────────────────────────────────────────────


def links() -> Iterator[tuple[Path, str]]:
    for file in PAGES:
        text = re.sub(
            r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"[a-z]+:", target):
                yield file, target


@pytest.mark.parametrize(
    ("file", "target"), [pytest.param(*link, id=f"{link[0].name} to {link[1]}") for link in links()]
)
def test_every_relative_link_leads_somewhere(file: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    found = file.parent / path if path else file
    assert found.exists()
    if anchor:
        assert anchor in anchors(found.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """https://docs.github.com/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links"""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands() -> Iterator[str]:
    """Whole lines of code blocks, and code in a sentence: `ci-bot` and what is given to it."""
    yield from re.findall(r"^ExecStart=/.*/(ci-bot .*)$", page("deploy/ci-bot.service"), re.MULTILINE)
    for file in PAGES:
        pieces = re.split(r"^ *```", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for prose in pieces[::2]:
            yield from re.findall(r"`(ci-bot [a-z][^`]*)`", prose)
        for block in pieces[1::2]:
            yield from re.findall(
                r"(?:^|/bin/|\$ | exec ci-bot )(ci-bot [a-z].*)$", block, re.MULTILINE
            )


COMMAND_LINES = sorted(set(commands()))


def test_the_documents_show_every_verb() -> None:
    assert {line.split()[1] for line in COMMAND_LINES} == set(COMMANDS)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_in_the_documents_exists(line: str) -> None:
    _, verb, *arguments = shlex.split(line, comments=True)
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    if arguments:
        command.make_context(verb, arguments)


def pipelines() -> Iterator[tuple[str, str]]:
    for file in PAGES:
        for block in re.findall(
            r"^```yaml\n(.*?)^```", file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            if re.search(r"^jobs:", block, re.MULTILINE):
                yield file.name, block


@pytest.mark.parametrize(("name", "text"), list(pipelines()))
def test_every_pipeline_in_the_documents_is_valid(name: str, text: str) -> None:
    assert read(text.encode(), file=name, default_image="debian:12").problems == ()


def table(name: str, section: str, *, plain: bool = True) -> list[Row]:
    """The rows of all tables of a section, without heads; `plain` cells have no code marks."""
    text = page(name).split(f"\n## {section}\n")[1].split("\n## ")[0]
    cells = [
        tuple(c.strip() for c in line.strip("|").split("|"))
        for line in text.splitlines()
        if line[:1] == "|"
    ]
    rows = rows_of(cells)
    return [tuple(c.replace("`", "") for c in row) for row in rows] if plain else rows


def rows_of(lines: list[Row]) -> list[Row]:
    """Without the rule below each head and the head above it."""
    rules = {at for at, row in enumerate(lines) if set("".join(row)) <= set("-: ")}
    return [row for at, row in enumerate(lines) if at not in rules and at + 1 not in rules]
