"""What a server needs, to be examined. Nothing here changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from ci_bot.core.errors import ForgeDenied, SettingsError, StoreError
from ci_bot.core.expiring import REMEDY, in_words, is_due
from ci_bot.core.scheduling import overview
from ci_bot.settings import GitHubSettings, GitLabSettings, Settings
from ci_bot.store import Database, InboxStore, ScheduleStore, SecretStore
from ci_bot.system import SystemClock
from ci_bot.wiring.files import look_at_disk
from ci_bot.wiring.forges import NO_HOOK, hook_address, open_github, open_gitlab
from ci_bot.wiring.kept import is_missing, rest_keys, sealing_keys
from ci_bot.wiring.keyfiles import lost_keys
from ci_bot.wiring.parts import open_executor, open_notifier
from ci_bot.workspace import lfs
from ci_bot.workspace.git import git_version

FREE_DISK: Final = 2 * 1024**3
UNHEARD: Final = (
    "nothing that happens in {repo} was ever heard of, and no webhook that the bot may see leads to {url}: "
    "`ci-bot gitlab connect {repo}` registers one"
)
GATE_DOC: Final = "docs/branch-protection.md"


@dataclass(frozen=True, slots=True)
class Examination:
    """Something to look at: returns one line if it is well, raises `CiBotError` in words if not."""

    what: str
    look: Callable[[], Awaitable[str]]


def examinations(settings: Settings, repo: str | None = None) -> Sequence[Examination]:
    """`repo` "owner/name": also what its default branch demands of a merge."""
    gate = () if repo is None else (Examination("gate", partial(_look_at_gate, settings, repo)),)
    return (
        Examination("docker", partial(_look_at_engine, settings)),
        Examination("git", _look_at_git),
        Examination("disk", partial(look_at_disk, settings, FREE_DISK)),
        Examination("database", partial(_look_at_database, settings)),
        *_forges(settings),
        Examination("secrets", partial(_look_at_keys, settings)),
        *_schedules(settings),
        *_notifications(settings),
        *gate,
    )


def _schedules(settings: Settings) -> Sequence[Examination]:
    if is_missing(settings):
        return ()
    return (Examination("schedules", partial(_look_at_schedules, settings)),)


async def _look_at_schedules(settings: Settings) -> str:
    database = await Database.open(settings.database, migrate=False)
    try:
        if await database.is_empty():
            return overview((), 0.0)
        clock = SystemClock()
        return overview(await ScheduleStore(database, clock).listed(), clock.now())
    finally:
        await database.close()


def _notifications(settings: Settings) -> Sequence[Examination]:
    if not settings.notifications:
        return ()
    return (Examination("notify", partial(_look_at_notifications, settings)),)


async def _look_at_notifications(settings: Settings) -> str:
    """Whether the addresses can be understood; nothing is sent."""
    await asyncio.to_thread(open_notifier, settings, lambda _: None)
    count = sum(len(each.urls) for each in settings.notifications)
    return f"apprise understands all {count} URLs; whether they work, a branch that breaks will show"


async def _look_at_git() -> str:
    large = await lfs.version()
    missing = "no git-lfs, which jobs with `checkout: {lfs: true}` need"
    return f"{await git_version()}; {large or missing}"


async def _look_at_engine(settings: Settings) -> str:
    executor = open_executor(settings, "doctor")
    try:
        await executor.look(settings.default_image)
        await executor.check_limits()
        return await executor.check()
    finally:
        await executor.close()


async def _look_at_database(settings: Settings) -> str:
    if is_missing(settings):
        return "not there yet; `ci-bot serve` makes it"
    database = await Database.open(settings.database, migrate=False)
    try:
        if await database.is_empty():
            return f"answers at {database.where}, and is empty; `ci-bot serve` makes the tables"
        aside = await InboxStore(database, SystemClock()).count_set_aside()
    finally:
        await database.close()
    if aside:
        raise StoreError(
            f"{aside} deliveries failed for good and were set aside; the server's log says why, and "
            "redelivering one (on GitHub in the App's settings, Advanced; on GitLab in the webhook's, Recent events) tries it again"
        )
    return f"answers at {database.where}"


async def _look_at_keys(settings: Settings) -> str:
    """Only what is there: the server makes the files, and never in the place of lost ones."""
    lost = await _lost_keys(settings)
    if lost:
        raise SettingsError(lost)
    there = [settings.keys / name for name in ("sealing.key", "secrets.key")]
    if not all(path.exists() for path in there):
        return "no keys yet; `ci-bot serve` makes them"
    warnings = [each for each in (sealing_keys(settings).warning, rest_keys(settings).warning) if each]
    if warnings:
        raise SettingsError(warnings)
    return f"sealed for key {sealing_keys(settings).public.id}; its file in {settings.keys}"


async def _lost_keys(settings: Settings) -> Sequence[str]:
    if is_missing(settings):
        return ()
    database = await Database.open(settings.database, migrate=False)
    try:
        if await database.is_empty():
            return ()
        return await lost_keys(settings, SecretStore(database))
    finally:
        await database.close()


def _forges(settings: Settings) -> Sequence[Examination]:
    """GitHub also where nothing is set up: it says how to begin."""
    github = Examination("github", partial(_look_at_github, settings))
    if settings.gitlab is None:
        return (github,)
    gitlab = Examination("gitlab", partial(_look_at_gitlab, settings, settings.gitlab))
    return (gitlab,) if settings.github is None else (github, gitlab)


def _github(settings: Settings) -> GitHubSettings:
    if settings.github is None:
        problem = (
            "is not set up: `ci-bot app create --org NAME` makes the App; for one that is there, app_id, "
            "private_key and webhook_secret belong under [github]; for GitLab, token belongs under [gitlab]"
        )
        raise SettingsError([problem])
    return settings.github


async def _look_at_gate(settings: Settings, repo: str) -> str:
    """On the forge that is set up; on both where both are, and one is enough."""
    if settings.gitlab is None:
        return await _look_at_gate_on_github(settings, repo)
    if settings.github is None or repo.count("/") > 1:
        return await _look_at_gate_on_gitlab(settings, settings.gitlab, repo)
    try:
        return await _look_at_gate_on_github(settings, repo)
    except ForgeDenied:  # it is not installed there
        return await _look_at_gate_on_gitlab(settings, settings.gitlab, repo)


async def _look_at_gate_on_github(settings: Settings, repo: str) -> str:
    async with AsyncExitStack() as stack:
        github = await open_github(stack, settings, _github(settings), SystemClock(), lambda _: None)
        found = await github.examine_gate(repo)
    if found.problems:
        raise SettingsError(found.problems)
    queue = f"; its merge queue needs merge_group in the file's on, see {GATE_DOC}"
    return f"{repo}: ci-bot is required on {found.branch}, from this App" + (
        queue if found.has_merge_queue else ""
    )


async def _look_at_gate_on_gitlab(settings: Settings, gitlab: GitLabSettings, repo: str) -> str:
    async with AsyncExitStack() as stack:
        adapter = open_gitlab(stack, settings, gitlab, SystemClock(), lambda _: None)
        found = await adapter.examine_gate(repo)
        hearing = await adapter.examine_hook(repo, is_signed=bool(gitlab.signing_tokens))
    problems = [*hearing.problems, *found.problems]
    if not hearing.is_heard and not await _was_seen(settings, repo):
        problems.insert(0, UNHEARD.format(repo=repo, url=hook_address(settings, "gitlab")))
    if problems:
        raise SettingsError(problems)
    return f"{repo}: pipelines must succeed before a merge, and ci-bot's are among them"


async def _was_seen(settings: Settings, repo: str) -> bool:
    """Whether an event of it ever came: by a webhook of a group or instance perhaps, which no bot may see."""
    if is_missing(settings):
        return False
    database = await Database.open(settings.database, migrate=False)
    try:
        if await database.is_empty():
            return False
        found = await SecretStore(database).repos_named(repo)
        return any(each.forge == "gitlab" for each in found)
    finally:
        await database.close()


async def _look_at_github(settings: Settings) -> str:
    async with AsyncExitStack() as stack:
        github = await open_github(stack, settings, _github(settings), SystemClock(), lambda _: None)
        problems = await github.examine()
    if problems:
        raise SettingsError(problems)
    return f"the App may do what it needs at {_github(settings).api_url}"


async def _look_at_gitlab(settings: Settings, gitlab: GitLabSettings) -> str:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        adapter = open_gitlab(stack, settings, gitlab, clock, lambda _: None)
        problems = [*await adapter.examine()]
        token = None if problems else await adapter.token_state()
    if token is not None and is_due(token.expires_at, clock.now()):
        when = in_words(token.expires_at, clock.now())
        problems.append(f"the access token {token.name}: {when}; {REMEDY}")
    if not (gitlab.signing_tokens or gitlab.webhook_tokens):
        problems.append(NO_HOOK.removeprefix("gitlab: "))
    if problems or token is None:
        raise SettingsError(problems)
    how = "signed" if gitlab.signing_tokens else "known by a plain token"
    when = in_words(token.expires_at, clock.now())
    return f"the access token {token.name} may do what it needs at {gitlab.url}, {when}; webhooks are {how}"
