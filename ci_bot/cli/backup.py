"""`ci-bot backup FILE` and `ci-bot restore FILE --into DIR`: a server's data, saved while it runs, and back."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from ci_bot.core.words import count
from ci_bot.settings import CONFIG_FILE, ENV_PREFIX, load
from ci_bot.wiring.backup import Restored, Saved, Wanted, doubt_database, save, summary
from ci_bot.wiring.backup import restore as bring_back

_path = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=_path)
@click.option(
    "--with-keys", is_flag=True, help="Include the keys of secrets and links, and the settings."
)
@click.option("--without-logs", is_flag=True, help="Leave the logs out.")
@click.option("--config", type=_path, help="Settings file.  [default: ci-bot.toml]")
def backup(file: Path, *, with_keys: bool, without_logs: bool, config: Path | None) -> None:
    """Save the server's data into FILE (tar.zst, mode 0600) while it runs.

    Whoever has a backup with keys can read every secret; without them the keys must be kept elsewhere,
    and what they are is named.
    """
    settings = load(config)
    wanted = Wanted(with_keys=with_keys, with_logs=not without_logs, config=_settings_file(config))
    saved = save(settings, file.absolute(), wanted, _Telling())
    click.echo(f"{file}: {summary(saved)}")
    _name_left_out(saved)


@click.command()
@click.argument("file", type=_path, required=False)
@click.option("--into", "target", type=_path, help="A new or empty data directory.")
@click.option(
    "--database-restored",
    is_flag=True,
    help="Instead: pg_restore brought PostgreSQL's database back, and no server was started yet.",
)
@click.option(
    "--config", type=_path, help="Settings file, for --database-restored.  [default: ci-bot.toml]"
)
def restore(
    file: Path | None, target: Path | None, *, database_restored: bool, config: Path | None
) -> None:
    """Bring the backup FILE back into a directory, having verified every hash.

    Then set data_dir to it and start the server. Never let two servers run with the same backup's data.
    """
    if database_restored and file is None and target is None:
        asked = asyncio.run(doubt_database(load(config)))
        click.echo(
            f"{count(asked, 'check')} will be looked up on the forge before an update; start the server"
        )
    elif file is not None and target is not None and not database_restored:
        _restore(file, target)
    else:
        raise click.UsageError("either FILE with --into DIR, or --database-restored alone")


def _restore(file: Path, target: Path) -> None:
    restored = bring_back(file, target.absolute(), _Telling())
    made = datetime.fromtimestamp(restored.manifest.made_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    entries = restored.manifest.entries
    click.echo(f"{target}: {len(entries)} files of {made}, every hash as it was")
    for line in _what_next(restored, target):
        click.echo(f"- {line}")


class _Telling:
    """One line for each part on a terminal, and nothing in between where nobody watches."""

    def __init__(self) -> None:
        self._shown = ("", -1)

    def __call__(self, what: str, done: float) -> None:
        percent = int(done * 100)
        if (what, percent) == self._shown or not (sys.stderr.isatty() or percent == 100):
            return
        self._shown = (what, percent)
        click.echo(f"\r{what}: {percent} %", err=True, nl=percent == 100)


def _name_left_out(saved: Saved) -> None:
    click.echo("Not in it; keep these elsewhere:")
    for each in saved.left_out:
        click.echo(f"- {each}")


def _what_next(restored: Restored, target: Path) -> list[str]:
    lines = []
    if not restored.manifest.schema:
        lines.append(
            "the database is not in it: bring PostgreSQL's back with pg_restore, then run "
            "`ci-bot restore --database-restored`"
        )
    if restored.has_settings:
        lines.append(f"{target / CONFIG_FILE} are the settings as they were; set data_dir in them")
    if restored.has_keys:
        lines.append("the keys of secrets are there, mode 0600; move them if you use keys_dir")
    else:
        lines.append(
            "the keys of secrets are not in it: put sealing.key, secrets.key and links.key there before "
            "the server starts; without them old links to logs are dead, and the server refuses to start "
            "where there are secrets, unless `ci-bot secret rotate-key --lost` gives these up"
        )
    if os.geteuid() == 0:
        lines.append(f"give it to the server's user: chown -R ci-bot: {target}")
    lines.append(
        f"then start the server with data_dir = {target}; what ran when the backup was made is taken up, "
        "or ends as an infrastructure failure where its workspace is gone"
    )
    return lines


def _settings_file(config: Path | None) -> Path | None:
    path = Path(config or os.environ.get(f"{ENV_PREFIX}CONFIG") or CONFIG_FILE)
    return path if path.is_file() else None
