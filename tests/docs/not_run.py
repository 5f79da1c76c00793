"""Commands of the documents that are not run as they stand, each with the reason and what holds it instead."""

from __future__ import annotations

from typing import Final

#: How a command begins → why it is not run here. A row that fits nothing any more fails the test.
NOT_RUN: Final = {
    "make demo": "it is a run of minutes at first; `make demo` is what is tried by hand before a release",
    "make test": "it would call itself",
    "make bench": "minutes, and a figure on a busy machine is noise",
    ".venv/bin/python -m bench": "the same",
    ".venv/bin/pytest": "it is what `make test` runs",
    "sudo ": "changes the machine; the unit is held by tests/test_docs.py, app create by test_setting_up.py",
    "docker build ": "minutes; `make test-deploy` builds the image",
    "docker compose ": "needs the image; `make test-deploy` brings the project up, upgrades and asks doctor",
    "export DOCKER_GID": "the same",
    "iptables ": "changes the machine's firewall; tests/scenarios/test_network.py is about the bridge",
    "ssh ": "needs another machine",
    "pg_dump ": "needs PostgreSQL: tests/scenarios/test_postgresql.py dumps, restores and starts",
    "pg_restore ": "the same",
    "ci-bot restore --database-restored": "the same",
    "ci-bot artifacts ": "needs a run that kept some: tests/scenarios/test_language_files.py lists and downloads them",
    "ci-bot gitlab connect": "needs a GitLab: tests/cli/test_gitlab.py has a simulated one, and so has make demo",
    "ci-bot app create": "waits for a person in a browser: tests/scenarios/test_setting_up.py is that person",
    "ci-bot secret unlock": "needs a transferred repository: tests/scenarios/test_secrets_in_trouble.py",
}


def reason(command: str) -> str:
    """Why a command is not run, "" if it must be."""
    return next((why for begin, why in NOT_RUN.items() if command.startswith(begin)), "")
