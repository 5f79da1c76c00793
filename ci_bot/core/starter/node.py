"""A Node.js project: its lock says which program installs it, its scripts what there is to run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ci_bot.core.starter.values import WORKSPACE, Files, StarterJob, json_object, table

WANTED: Final = ("package.json", "yarn.lock", ".nvmrc", ".node-version")

_VERSION: Final = "22"
_KNOWN: Final = ("18", "20", "22", "24")
#: Of the scripts of a package, those that check something, in this order.
_SCRIPTS: Final = ("lint", "typecheck", "type-check", "build", "test")
_NO_TEST: Final = "no test specified"  # what `npm init` writes


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    install: str
    run: str
    needs_corepack: bool = False


def find(files: Files) -> StarterJob | None:
    if "package.json" not in files:
        return None
    package = json_object(files["package.json"])
    program = _program(files, package)
    scripts = table(package, "scripts")
    chosen = [name for name in _SCRIPTS if _is_useful(scripts.get(name))]
    return StarterJob(
        id="node",
        why=f"Node.js ({', '.join(['package.json', program.name, *chosen])})",
        image=f"node:{_version(files, package)}",
        steps=(program.install, *(f"{program.run} {name}" for name in chosen)),
        env=_env(program),
        note="" if chosen else "No script for lint, build or test was found; this installs alone.",
    )


def _program(files: Files, package: Mapping[str, Any]) -> _Program:
    if "pnpm-lock.yaml" in files:
        return _Program("pnpm", "corepack pnpm install --frozen-lockfile", "corepack pnpm run", True)
    if "yarn.lock" in files:
        if "__metadata:" in files["yarn.lock"] or str(package.get("packageManager", "")).startswith(
            "yarn@"
        ):
            is_classic = str(package.get("packageManager", "")).startswith("yarn@1")
            flag = "--frozen-lockfile" if is_classic else "--immutable"
            return _Program("yarn", f"corepack yarn install {flag}", "corepack yarn run", True)
        return _Program("yarn", "yarn install --frozen-lockfile", "yarn run")
    if "package-lock.json" in files or "npm-shrinkwrap.json" in files:
        return _Program("npm", "npm ci", "npm run")
    return _Program("npm", "npm install", "npm run")


def _is_useful(script: Any) -> bool:
    return isinstance(script, str) and bool(script.strip()) and _NO_TEST not in script


def _version(files: Files, package: Mapping[str, Any]) -> str:
    """A version with long support: what the project pins, else the first that it names, else a default."""
    engines = table(package, "engines").get("node")
    named = [files.get(".nvmrc", ""), files.get(".node-version", "")]
    named += [engines] if isinstance(engines, str) else []
    for text in named:
        found = re.search(r"\d+", text)
        if found and found[0] in _KNOWN:
            return found[0]
    return _VERSION


def _env(program: _Program) -> dict[str, str]:
    if not program.needs_corepack:
        return {}
    return {"COREPACK_ENABLE_DOWNLOAD_PROMPT": "0", "COREPACK_HOME": f"{WORKSPACE}/.cache/corepack"}
