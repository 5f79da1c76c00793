"""What `make demo KEEP=1` leaves to play with: an organisation without ci-bot, and a file of variables for a shell."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

from tests.forge_sim.client import ForgeClient, Person
from tests.rig import ROOT, Bot

REPO: Final = "globex/todo"
VARIABLES: Final = ROOT / ".cache" / "demo.env"


async def set_playground(forge: ForgeClient, bot: Bot, files: dict[str, str]) -> None:
    """Alice owns the organisation; `docs/guide.md` leads through the rest."""
    alice = await forge.user("alice")
    await forge.organization(REPO.split("/")[0], {alice.login: "admin"})
    await forge.repo(REPO, files)
    write_variables(VARIABLES, forge, bot, alice)


def write_variables(file: Path, forge: ForgeClient, bot: Bot, person: Person) -> None:
    """For `. FILE`: ci-bot on the path, the server's settings and address, the forge's, a clone's address."""
    email = f"{person.id}+{person.login}@users.noreply.example.com"
    values = bot.env | {
        "CI_BOT_SERVER": bot.url,
        "FORGE": forge.url,
        "TODO": forge.remote(REPO, person),
        **{f"GIT_{role}_NAME": person.login for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": email for role in ("AUTHOR", "COMMITTER")},
    }
    values.pop("PYTHONWARNINGS", None)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(values.items())]
    lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o600)
    file.write_text("".join(lines))
