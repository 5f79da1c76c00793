"""Settings in, one adapter out: what several of the programs need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

from ci_bot.core.errors import SettingsError
from ci_bot.core.events import Repo
from ci_bot.core.queueing import Allowance
from ci_bot.core.repo_names import is_named, with_forge
from ci_bot.core.trust import Policy
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.images import Credentials
from ci_bot.executors.docker.job_engine import JobEngine
from ci_bot.executors.docker.limits import Limits as StepLimits
from ci_bot.executors.docker.limits import Runtimes
from ci_bot.flow.known import Known
from ci_bot.flow.notices import Nobody
from ci_bot.flow.tracing import NO_TRACING, Tracer, Tracing
from ci_bot.notify import Notifications, Rule
from ci_bot.ports import Clock, Decisions, Notifier, Vault
from ci_bot.secrets.keys import Keyring
from ci_bot.secrets.rest import RestKeys
from ci_bot.secrets.vault import OpenVault
from ci_bot.settings import (
    EngineSettings,
    NotificationSettings,
    RegistrySettings,
    Settings,
)
from ci_bot.store import AuditStore, Database, SecretStore
from ci_bot.wiring.forges import web_urls
from ci_bot.wiring.kept import rest_keys, sealing_keys


def open_notifier(settings: Settings, on_secret: Callable[[bytes], None]) -> Notifier:
    """Raises `SettingsError` for an address that is none."""
    if not settings.notifications:
        return Nobody()
    return Notifications([_rule(each) for each in settings.notifications], on_secret)


def _rule(entry: NotificationSettings) -> Rule:
    urls = tuple(url.get_secret_value() for url in entry.urls)
    return Rule(entry.repositories, entry.branches, entry.on, urls)


def open_executor(settings: Settings, instance: str) -> DockerExecutor:
    limits = settings.limits
    return DockerExecutor(
        instance=instance,
        run_dir=settings.run,
        folders=(settings.data_dir,),
        limits=StepLimits(memory=limits.memory, cpus=limits.cpus, pids=limits.pids),
        registries=_Registries(settings.registries),
        runtimes=Runtimes(settings.docker_runtime, settings.outsiders_runtime),
        engine_of=partial(_engine_of, settings.engines),
        base_url=settings.docker_host or None,
    )


def _engine_of(engines: Sequence[EngineSettings], place: str) -> JobEngine | None:
    """The first entry that names the repository ("github:owner/name") counts."""
    for entry in engines:
        if is_named(*with_forge(place), entry.repositories):
            return JobEngine(entry.kind, entry.image, entry.runtime, entry.capabilities)
    return None


def open_vault(settings: Settings, database: Database, clock: Clock, known: Known) -> OpenVault:
    """Makes the key files if they are not there, so that the first sealed string has a key to be for.

    Call `require_keys` first. From then on they are read and never made: a file that goes away is told.
    """
    sealing_keys(settings)
    rest_keys(settings)
    sealing = partial(Keyring.read, settings.keys / "sealing.key")
    rest = partial(RestKeys.read, settings.keys / "secrets.key")
    return OpenVault(SecretStore(database), AuditStore(database, clock), sealing, rest, known.add)


def policies(settings: Settings) -> Callable[[Repo], Policy]:
    """The operator's policy for a repository; the first entry that names it counts."""

    def policy(repo: Repo) -> Policy:
        for entry in settings.trust:
            if is_named(repo.forge, repo.name, entry.repositories):
                return Policy(entry.outsiders, entry.bots)
        return Policy()

    return policy


def allowance(settings: Settings) -> Allowance:
    return Allowance(settings.max_jobs_per_repo, settings.max_jobs_per_outsider)


def open_tracing(
    stack: AsyncExitStack,
    settings: Settings,
    decisions: Decisions,
    vault: Vault,
    tokens: Known,
    clock: Clock,
) -> Tracing:
    """Nothing of OpenTelemetry is imported unless somebody wants traces. Raises `SettingsError`."""
    if settings.traces_url is None:
        return NO_TRACING
    try:
        from ci_bot.tracing.otel import OtelSpans  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise SettingsError([f"traces_url: needs `pip install ci-bot[otel]` ({error})"]) from error
    sink = OtelSpans.over_http(settings.traces_url)
    stack.push_async_callback(asyncio.to_thread, sink.close)
    return Tracer(sink, decisions, vault, tokens, clock, web_urls(settings))


class _Registries:
    """The operator's registry credentials, for the repositories each is given to."""

    def __init__(self, registries: Sequence[RegistrySettings]) -> None:
        self._registries = registries

    def is_guarded(self, host: str) -> bool:
        return any(registry.host == host for registry in self._registries)

    def credentials(self, repo: str, host: str) -> Credentials | None:
        for registry in self._registries:
            if registry.host == host and is_named(*with_forge(repo), registry.repositories):
                return Credentials(registry.username, registry.password.get_secret_value())
        return None
