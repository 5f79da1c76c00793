"""What a stranger's commit changes → what somebody should look at before approving it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ci_bot.core.model import Inspection
from ci_bot.core.pipeline import CONFIG_FILES, Reading
from ci_bot.core.planned import Job, Pipeline, SecretRef, Step

MOST_FILES: Final = 30
MOST_CHANGES: Final = 20

#: Commands, and the files that say what they do: a change there runs without a word in `.ci.yaml`.
_SAID_BY: Final[tuple[tuple[str, str], ...]] = (
    (r"make|gmake", r"(GNU)?[Mm]akefile|.*\.mk"),
    (
        r"npm|npx|yarn|pnpm|bun|node",
        r"package(-lock)?\.json|.*\.lock|pnpm-lock\.yaml|\.npmrc|.*\.config\.[cm]?[jt]s",
    ),
    (
        r"pip\d?|pipx|uv|poetry|python\d?(\.\d+)?|pytest|tox|nox|hatch",
        r"pyproject\.toml|setup\.(py|cfg)|.*requirements.*\.txt|tox\.ini|noxfile\.py|conftest\.py|.*\.pth",
    ),
    (r"cargo|rustc", r"Cargo\.(toml|lock)|build\.rs|rust-toolchain(\.toml)?"),
    (r"go", r"go\.(mod|sum|work)"),
    (
        r"docker|podman|buildah|buildctl",
        r"(.*\.)?(Docker|Container)file(\..*)?|compose\.ya?ml|docker-compose\.ya?ml",
    ),
    (r"mvn|mvnw|gradle|gradlew", r"pom\.xml|.*\.gradle(\.kts)?|mvnw|gradlew"),
    (r"bundle|rake|gem", r"Gemfile(\.lock)?|Rakefile|.*\.gemspec"),
    (r"cmake|ctest|ninja|meson", r"CMakeLists\.txt|.*\.cmake|meson\.build"),
    (r"just", r"\.?[Jj]ustfile"),
)
_COMMANDS: Final = tuple(
    (re.compile(rf"(?<![\w./-])(?:\./)?(?:{command})(?![\w-])"), re.compile(files))
    for command, files in _SAID_BY
)
_WORD: Final = re.compile(r"[\w.@%+=/-]+")
_MOST_SCRIPT: Final = 256 * 1024  # bytes of scripts that are searched


def inspect(head: Reading | None, base: Reading | None, changed: Sequence[str]) -> Inspection:
    """`head` and `base` are the configurations before and after, `changed` the paths that differ."""
    pipeline = head.pipeline if head else None
    jobs = pipeline.jobs if pipeline else ()
    of_config = {*CONFIG_FILES, *(head.files if head else ()), *(base.files if base else ())}
    touches = any(path in of_config for path in changed)
    runs = _run_by([path for path in changed if path not in of_config], _scripts(jobs))
    return Inspection(
        config=tuple(_changes(head, base))[:MOST_CHANGES] if touches else (),
        files=tuple(runs[:MOST_FILES]),
        changed=len(changed),
        secrets=_names(step for job in jobs for step in job.steps),
    )


def _run_by(paths: Sequence[str], scripts: str) -> list[str]:
    """Paths that the scripts name, and those that a command in them obeys."""
    words = {word.removeprefix("./") for word in _WORD.findall(scripts)}
    obeyed = [files for command, files in _COMMANDS if command.search(scripts)]
    return [path for path in paths if _is_named(path, words) or _is_obeyed(path, obeyed)]


def _is_obeyed(path: str, obeyed: Sequence[re.Pattern[str]]) -> bool:
    name = _name(path)
    return any(files.fullmatch(name) for files in obeyed)


def _is_named(path: str, words: set[str]) -> bool:
    name = _name(path)
    return path in words or (len(name) > 2 and name in words) or _in_named_folder(path, words)


def _in_named_folder(path: str, words: set[str]) -> bool:
    """A folder is named with a slash, so that a word of prose does not stand for one."""
    parts = path.split("/")[:-1]
    return any("/".join(parts[: end + 1]) + "/" in words for end in range(len(parts)))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _scripts(jobs: Sequence[Job]) -> str:
    return "\n".join(step.run for job in jobs for step in job.steps)[:_MOST_SCRIPT]


def _changes(head: Reading | None, base: Reading | None) -> Iterator[str]:
    """What is different in `.ci.yaml`, a sentence each, job by job."""
    if head is None:
        yield "removes the file"
        return
    if head.pipeline is None:
        yield "breaks the file, so that nothing can run"
        return
    if base is None or base.pipeline is None:
        yield f"adds the file, with {_count(head.pipeline.jobs)}"
        return
    yield from _between(base.pipeline, head.pipeline)


def _count(jobs: Sequence[Job]) -> str:
    return "one job" if len(jobs) == 1 else f"{len(jobs)} jobs"


def _between(old: Pipeline, new: Pipeline) -> Iterator[str]:
    before = {job.id: job for job in old.jobs}
    after = {job.id: job for job in new.jobs}
    same_start = (old.on, old.filters) == (new.on, new.filters)
    if not same_start:
        yield "changes what starts it"
    yield from (f'adds job "{id}"' for id in after if id not in before)
    yield from (f'removes job "{id}"' for id in before if id not in after)
    for id, job in after.items():
        if id in before and _bare(before[id]) != _bare(job):
            yield f'changes job "{id}": {", ".join(_parts(before[id], job))}'
    same = {id: _bare(job) for id, job in before.items()} == {
        id: _bare(job) for id, job in after.items()
    }
    if same and same_start:
        yield "changes nothing that runs"


def _bare(job: Job) -> tuple[object, ...]:
    """Without the line numbers, which move when something is written above."""
    return (job.name, job.needs, job.timeout, tuple(_bare_step(step) for step in job.steps))


def _bare_step(step: Step) -> tuple[object, ...]:
    return (
        *(step.name, step.run, step.image, dict(step.env), step.timeout, step.workdir),
        *(step.continue_on_error, step.secrets),
    )


def _parts(old: Job, new: Job) -> Iterator[str]:
    """What of a job is different: its steps, or what of them, and the rest in one word."""
    if len(old.steps) != len(new.steps):
        yield "steps"
        return
    differs = False
    for what, of in (
        ("scripts", lambda step: step.run),
        ("images", lambda step: step.image),
        ("environment", lambda step: dict(step.env)),
        ("secrets", lambda step: step.secrets),
    ):
        if [of(step) for step in old.steps] != [of(step) for step in new.steps]:
            differs = True
            yield what
    if not differs:
        yield "order, names or limits"


def _names(steps: Iterable[Step]) -> tuple[str, ...]:
    refs: list[SecretRef] = [ref for step in steps for ref in step.secrets]
    return tuple(dict.fromkeys(ref.name for ref in refs))
