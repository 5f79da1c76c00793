"""A database of an older version, or an empty one → the newest schema. Imported where there is something to do.

alembic takes a quarter of a second to import, which a server whose database is up to date need not wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from ci_bot.core.errors import StoreError

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Runs the migrations that are missing. Raises `StoreError` for a schema that no migration here makes."""
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"it was written by a newer ci-bot ({error}); upgrade ci-bot") from None


def known_schemas() -> Sequence[str]:
    """The revisions that this version can bring up to date, the newest first."""
    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in scripts.walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
