"""`ci-bot.toml` and `CI_BOT_*` variables → one frozen Settings, or every problem at once.

A variable wins over the file; nested names are joined by two underscores
(`CI_BOT_GITHUB__APP_ID`). Each secret may be given as `NAME_file`, the path of a file that holds it.
No secret has a default.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final, Self

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ci_bot.core.effects import Turn
from ci_bot.core.errors import SettingsError
from ci_bot.core.pipeline.limits import Limits
from ci_bot.core.planned import EngineKind
from ci_bot.core.trust import Bots, Outsiders
from ci_bot.settings.forges import GitHubSettings, GitLabSettings
from ci_bot.settings.part import Part, Url, message

CONFIG_FILE: Final = "ci-bot.toml"
ENV_PREFIX: Final = "CI_BOT_"
#: In `Settings.stored_app`; `APP_FILE` holds the fields of `GitHubSettings` that are no secrets.
APP_FILE: Final = "app.toml"
KEY_FILE: Final = "private-key.pem"
SECRET_FILE: Final = "webhook-secret"  # noqa: S105 - a file's name
#: In `Settings.stored_gitlab`.
SIGNING_FILE: Final = "signing-token"  # a file's name
WEBHOOK_FILE: Final = "webhook-token"  # a file's name


class RegistrySettings(Part):
    """Credentials for one image registry, for the repositories that `repositories` names."""

    host: str = Field(min_length=1)
    username: str
    password: SecretStr
    repositories: tuple[str, ...] = Field(min_length=1)  # "owner/name" or "owner/*"


class EngineSettings(Part):
    """The repositories whose jobs may have an engine of their own (`docker: true`), and what that is.

    A nested engine's container is privileged unless `capabilities` names what it gets instead, or
    `runtime` is one that confines it in another way (sysbox-runc). The other kinds never are.
    """

    repositories: tuple[str, ...] = Field(min_length=1)  # "owner/name" or "owner/*"
    kind: EngineKind = EngineKind.NESTED
    image: str = ""  # default: the official one of its kind
    runtime: str = ""
    capabilities: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is not EngineKind.NESTED and (self.runtime or self.capabilities):
            raise ValueError(
                f'runtime and capabilities are for kind = "nested"; leave them out, since an engine of kind '
                f'"{self.kind}" gets all that it needs'
            )
        return self


class TrustSettings(Part):
    """What outsiders and Apps may start in the repositories that `repositories` names."""

    repositories: tuple[str, ...] = Field(min_length=1)  # "owner/name" or "owner/*"
    outsiders: Outsiders = Outsiders.APPROVE
    bots: Bots = Bots.WITHOUT_SECRETS


class NotificationSettings(Part):
    """Who is told when a branch breaks and when it is well again; `urls` are apprise's.

    `urls_file` holds one on each line; what begins with "#" is left out.
    """

    repositories: tuple[str, ...] = Field(min_length=1)  # "owner/name" or "owner/*"
    urls: tuple[SecretStr, ...] = Field(min_length=1)
    on: tuple[Turn, ...] = Field(default=(Turn.FAILURE, Turn.RECOVERY), min_length=1)
    branches: tuple[str, ...] = ()  # patterns; default: the repository's default branch

    @field_validator("urls", mode="before")
    @classmethod
    def _are_lines(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        lines = [line.strip() for line in value.splitlines()]
        return [line for line in lines if line and not line.startswith("#")]


class LimitSettings(Part):
    """What a step may use, and what a job may take."""

    memory: int = Field(default=4 * 1024**3, ge=16 * 1024**2)  # bytes
    cpus: float = Field(default=2.0, gt=0)
    pids: int = Field(default=1024, ge=16)
    # What `resources` in .ci.yaml may ask for; not set: no more than the above.
    max_memory: int | None = Field(default=None, ge=16 * 1024**2)
    max_cpus: float | None = Field(default=None, gt=0)
    max_pids: int | None = Field(default=None, ge=16)
    job_timeout: int = Field(default=6 * 3600, ge=1)  # seconds, the most a job may ask for
    infrastructure_retries: int = Field(default=2, ge=0, le=10)  # of a job that was not to blame
    log: int = Field(default=16 * 1024**2, ge=64 * 1024)  # bytes kept of one step's output
    schedule_interval: int = Field(default=300, ge=60)  # seconds between two moments of a schedule
    # Bytes and files that the artifacts of one job may have, and one cache.
    artifact: int = Field(default=1024**3, ge=1024)
    artifact_files: int = Field(default=10_000, ge=1)
    cache: int = Field(default=4 * 1024**3, ge=1024)
    cache_files: int = Field(default=300_000, ge=1)

    @property
    def of_files(self) -> Limits:
        """What a `.ci.yaml` may ask for here."""
        return Limits(
            max_timeout=self.job_timeout,
            schedule_interval=self.schedule_interval,
            max_cpus=self.max_cpus or self.cpus,
            max_memory=self.max_memory or self.memory,
            max_pids=self.max_pids or self.pids,
        )


class DiskSettings(Part):
    """Below this much free space no new job starts; bytes, 0 for whatever is free."""

    free_data: int = Field(default=1024**3, ge=0)  # under data_dir
    free_run: int = Field(default=16 * 1024**2, ge=0)  # under run_dir


class RetentionSettings(Part):
    """For how long things are kept: days from their end, 0 for ever; and bytes, 0 without bound.

    Artifacts have no days here: `.ci.yaml` says for how long (`expire`).
    """

    deliveries: int = Field(default=30, ge=0)  # GitHub sends one again for three days
    runs: int = Field(default=365, ge=0)
    logs: int = Field(default=90, ge=0)
    logs_total: int = Field(default=20 * 1024**3, ge=0)  # bytes; the oldest go first
    artifacts_total: int = Field(default=20 * 1024**3, ge=0)  # bytes, packed; the oldest go first
    caches: int = Field(default=30, ge=0)  # days since the last use
    caches_total: int = Field(default=10 * 1024**3, ge=0)  # bytes, packed; the longest unused go first

    @field_validator("deliveries")
    @classmethod
    def _outlasts_redelivery(cls, value: int) -> int:
        """https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks"""
        if 0 < value < 4:
            raise ValueError(
                "must be 4 days or more (or 0, for ever): GitHub sends a delivery again for 3 days, and "
                "ci-bot would take it for a new one"
            )
        return value


class Settings(BaseSettings):
    """Everything an operator can set. Read it with `load`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    data_dir: Path = Path("/var/lib/ci-bot")
    run_dir: Path | None = None  # short-lived files that steps see; default: data_dir/run
    database_url: str = ""  # default: SQLite in data_dir
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: Url = "http://127.0.0.1:8080"  # how people's browsers and the forge reach us
    max_jobs: int = Field(default=4, ge=1, le=1000)  # at once
    max_jobs_per_repo: int = Field(default=0, ge=0, le=1000)  # at once; 0: as many as max_jobs
    max_jobs_per_outsider: int = Field(default=2, ge=0, le=1000)  # of one author; 0: as max_jobs
    default_image: str = "debian:bookworm-slim"
    docker_host: str = ""  # default: DOCKER_HOST, else the local socket
    docker_runtime: str = ""  # of every step; default: the engine's own
    outsiders_runtime: str = ""  # of what people without write access wrote; default: docker_runtime
    keys_dir: Path | None = None  # sealing.key and secrets.key; default: data_dir
    command_prefix: str = Field(default="", pattern="^[a-z0-9-]{0,32}$")  # "ci": /ci retry
    open_pages: bool = False  # runs of public repositories need no key
    links_expire: int | None = Field(default=None, ge=1)  # days after a run's newest attempt
    ca_file: Path | None = None  # certificates to trust besides the system's, for the API and for git
    proxy: Url | None = None  # for the API and for git
    traces_url: Url | None = None  # of an OpenTelemetry collector: OTLP over HTTP
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field(default="json", pattern="^(json|text)$")
    github: GitHubSettings | None = None
    gitlab: GitLabSettings | None = None
    registries: tuple[RegistrySettings, ...] = ()
    engines: tuple[EngineSettings, ...] = ()
    trust: tuple[TrustSettings, ...] = ()  # the first that names a repository counts
    notifications: tuple[NotificationSettings, ...] = ()
    limits: LimitSettings = Field(default_factory=LimitSettings)
    disk: DiskSettings = Field(default_factory=DiskSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment over what `load` read from the file; no .env files, no secrets folders."""
        return (env_settings, init_settings)

    @field_validator("ca_file")
    @classmethod
    def _is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"{value} is not a file")
        return value

    @model_validator(mode="after")
    def _dirs_are_absolute(self) -> Self:
        for name in ("data_dir", "run_dir", "keys_dir"):
            path = getattr(self, name)
            if path is not None and not path.is_absolute():
                raise ValueError(f"{name} must be an absolute path, not {path}")
        return self

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'ci-bot.db'}"

    @property
    def database_file(self) -> Path | None:
        """SQLite's; None where the database is a server's."""
        scheme, _, path = self.database.partition(":///")
        return Path(path) if scheme.startswith("sqlite") else None

    @property
    def run(self) -> Path:
        return self.run_dir or self.data_dir / "run"

    @property
    def keys(self) -> Path:
        return self.keys_dir or self.data_dir

    @property
    def stored_app(self) -> Path:
        """Where `ci-bot app create` keeps what `[github]` would say."""
        return self.keys / "github-app"

    @property
    def stored_gitlab(self) -> Path:
        """Where `ci-bot gitlab connect` keeps what GitLab's webhooks are known by."""
        return self.keys / "gitlab"


def load(file: Path | None = None) -> Settings:
    """Settings from `file` (default: ./ci-bot.toml if it is there) and the environment.

    Raises `SettingsError` with every problem, each naming its place and how to mend it.
    """
    named = file or os.environ.get(f"{ENV_PREFIX}CONFIG")
    chosen = Path(named or CONFIG_FILE)
    if named and not chosen.is_file():
        raise SettingsError([f"{named}: no such file"])
    data = _read_toml(chosen) if chosen.is_file() else {}
    try:
        return _with_stored_hooks(_with_stored_app(Settings(**data)))
    except ValidationError as error:
        raise SettingsError(_in_words(error, chosen if data else None)) from error
    except SettingsError:
        raise
    except ValueError as error:  # a variable that is not JSON where a table is expected
        raise SettingsError([f"environment: {error}"]) from error


def _with_stored_app(settings: Settings) -> Settings:
    """`[github]` wins; what this user may not read is the server's, and not for this command."""
    folder = settings.stored_app
    if settings.github is not None or not os.access(folder / APP_FILE, os.R_OK):
        return settings
    given: dict[str, Any] = _read_toml(folder / APP_FILE)
    given["private_key_file"] = folder / KEY_FILE
    given["webhook_secret_file"] = folder / SECRET_FILE
    try:
        github = GitHubSettings.model_validate(given)
    except ValidationError as error:
        raise SettingsError(_in_words(error, folder / APP_FILE)) from error
    return settings.model_copy(update={"github": github})


def _with_stored_hooks(settings: Settings) -> Settings:
    """What `[gitlab]` says of its webhooks wins; an unreadable file is the server's, as above."""
    given, folder = settings.gitlab, settings.stored_gitlab
    if given is None or given.signing_token or given.webhook_token:
        return settings
    files = {"signing_token": folder / SIGNING_FILE, "webhook_token": folder / WEBHOOK_FILE}
    stored = {f"{name}_file": path for name, path in files.items() if os.access(path, os.R_OK)}
    try:
        known = GitLabSettings.model_validate(given.model_dump(exclude=set(files)) | stored)
    except ValidationError as error:
        raise SettingsError(_in_words(error, folder)) from error
    return settings.model_copy(update={"gitlab": known})


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([f"{file}: {error}"]) from error


def _in_words(error: ValidationError, file: Path | None) -> list[str]:
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        names = [str(part) for part in item["loc"]]
        place = ".".join(names) or "settings"
        variable = ENV_PREFIX + "__".join(names).upper()
        where = f"{file.name}: {place}" if file else f"{place} (or {variable})"
        problems.append(f"{where}: {message(item)}")
    return problems
