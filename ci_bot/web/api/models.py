"""What the API says of runs: values of `core.model` in, models out. JSON and its description come from these.

The fields are stable: new ones may come, none goes or changes its meaning.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, Field

from ci_bot.core import extras, model
from ci_bot.core.model import RunKind
from ci_bot.core.standing import Standing, span, standing
from ci_bot.core.states import Status

if TYPE_CHECKING:  # what it reads the vault with is the server's, not its clients'
    from ci_bot.web.masking import Mask

Reason = Annotated[str, Field(description='why it stands so, in words; "" if nothing is to be said')]
Began = Annotated[AwareDatetime | None, Field(description="null until it begins")]
Ended = Annotated[AwareDatetime | None, Field(description="null until it ends")]
Seconds = Annotated[float | None, Field(description="from beginning to end; null until it ends")]


class Step(BaseModel):
    """One step of one attempt of a job."""

    number: int = Field(ge=1, description="from 1; leads to its log")
    name: str
    status: Status
    exit_code: int | None
    reason: Reason
    started_at: Began
    finished_at: Ended
    seconds: Seconds
    log_bytes: int = Field(ge=0, description="size of its log; 0 until it ends")


class FailedTest(BaseModel):
    name: str
    message: str = Field(description="how it failed, as the report says")
    file: str = Field(description='in the repository; "" where the report does not say')
    line: int = Field(ge=0, description="0 where the report does not say")


class Tests(BaseModel):
    """What the JUnit reports of a job count."""

    total: int = Field(ge=0)
    failed: int = Field(ge=0)
    skipped: int = Field(ge=0)
    failures: list[FailedTest] = Field(description="the first ones")
    notes: list[str] = Field(description="reports that could not be read, and why")


class Coverage(BaseModel):
    """How much of the code the tests of a job covered, by its Cobertura reports."""

    percent: float | None = Field(
        ge=0, le=100, description="of the lines; null where no number can be had: see notes"
    )
    notes: list[str] = Field(description="reports that could not be read, and why")


class Job(BaseModel):
    """One attempt of a job."""

    id: str = Field(description="as .ci.yaml names it; leads to its logs")
    name: str
    attempt: int = Field(ge=1)
    cause: model.Cause = Field(description="how this attempt came about")
    status: Status
    reason: Reason
    needs: list[str] = Field(description="ids of the jobs that it waits for")
    started_at: Began
    finished_at: Ended
    seconds: Seconds
    tests: Tests | None = Field(description="null where the job reports none")
    coverage: Coverage | None = Field(description="null where the job reports none")
    steps: list[Step]


class Mistake(BaseModel):
    """One thing wrong in `.ci.yaml`."""

    file: str
    path: str = Field(description='"jobs.build.steps[0].run"; "" for the file as a whole')
    line: int
    column: int
    message: str
    hint: str


class Run(BaseModel):
    """A run: a commit, and why it is tested. It stands as the latest attempts of its jobs do."""

    id: str
    repository: str = Field(description='"owner/name"')
    forge: str
    event: RunKind
    branch: str = Field(description="or tag; of a pull request its head's")
    commit: str
    pull: int | None = Field(description="number of the pull request")
    title: str = Field(description="of the pull request, or the first line of the commit's message")
    actor: str = Field(description="login of whoever caused it")
    status: Standing
    reason: Reason
    superseded: bool = Field(description="something newer takes its place; it counts for no merge")
    created_at: AwareDatetime
    started_at: Began
    finished_at: Ended
    seconds: Seconds


class RunDetail(Run):
    """A run with its jobs and their steps."""

    problems: list[Mistake] = Field(description="what is wrong in .ci.yaml")
    jobs: list[Job]


class Runs(BaseModel):
    """A page of runs, newest first."""

    runs: list[Run]
    next: str | None = Field(description="give it as `before` for the next page; null on the last one")


class ArtifactFile(BaseModel):
    name: str = Field(description="in the workspace")
    size: int = Field(ge=0, description="bytes")


class JobArtifacts(BaseModel):
    """What one attempt of a job kept."""

    id: str = Field(description="of the job, as .ci.yaml names it; leads to the archive")
    attempt: int = Field(ge=1)
    count: int = Field(ge=0, description="files")
    size: int = Field(ge=0, description="bytes of all files")
    archive_size: int = Field(ge=0, description="bytes of the archive")
    expires_at: AwareDatetime
    files: list[ArtifactFile] = Field(description="empty unless asked for")


class Artifacts(BaseModel):
    """What the jobs of a run kept and what has not expired."""

    jobs: list[JobArtifacts]


class Request(BaseModel):
    """What was asked of a run, and what became of it."""

    id: str
    state: str = Field(pattern="^(pending|done|failed)$", description="pending, done or failed")
    reason: str = Field(description="what was decided: what is done, or why not")


def run(of: model.Run, mask: Mask) -> Run:
    return Run.model_validate(_columns(of, mask))


def detail(of: model.Run, mask: Mask) -> RunDetail:
    """With the attempts that `of.jobs` holds."""
    return RunDetail.model_validate(
        _columns(of, mask)
        | {
            "problems": [_mistake(each, mask) for each in of.problems],
            "jobs": [_job(each, mask) for each in of.jobs],
        }
    )


def _columns(of: model.Run, mask: Mask) -> dict[str, object]:
    began, ended = span(of)
    return {
        "id": of.id,
        "repository": of.repo.name,
        "forge": of.repo.forge,
        "event": of.kind,
        "branch": mask(of.ref),
        "commit": of.sha,
        "pull": of.pull,
        "title": mask(of.title),
        "actor": of.actor.login,
        "status": standing(of),
        "reason": mask(of.reason),
        "superseded": of.superseded,
        "created_at": moment(of.created_at),
        **_times(began, ended),
    }


def _job(of: model.JobRun, mask: Mask) -> Job:
    return Job.model_validate(
        {
            "id": of.key,
            "name": mask(of.name),
            "attempt": of.attempt,
            "cause": of.cause,
            "status": of.status,
            "reason": mask(of.reason),
            "needs": list(of.needs),
            "tests": _tests(of.extras.tests, mask),
            "coverage": _coverage(of.extras.coverage, mask),
            "steps": [_step(each, mask) for each in of.steps],
            **_times(of.started_at, of.finished_at),
        }
    )


def _tests(of: extras.TestCounts | None, mask: Mask) -> Tests | None:
    if of is None:
        return None
    failures = [
        FailedTest(
            name=mask(each.name), message=mask(each.message), file=mask(each.file), line=each.line
        )
        for each in of.failures
    ]
    return Tests(
        total=of.total,
        failed=of.failed,
        skipped=of.skipped,
        failures=failures,
        notes=[mask(note) for note in of.notes],
    )


def _coverage(of: extras.Coverage | None, mask: Mask) -> Coverage | None:
    if of is None:
        return None
    return Coverage(percent=of.percent, notes=[mask(note) for note in of.notes])


def _step(of: model.StepRun, mask: Mask) -> Step:
    return Step.model_validate(
        {
            "number": of.index + 1,
            "name": mask(of.name),
            "status": of.status,
            "exit_code": of.exit_code,
            "reason": mask(of.reason),
            "log_bytes": of.log_bytes,
            **_times(of.started_at, of.finished_at),
        }
    )


def _mistake(of: model.Problem, mask: Mask) -> Mistake:
    return Mistake(
        file=of.file,
        path=mask(of.path),
        line=of.line,
        column=of.column,
        message=mask(of.message),
        hint=mask(of.hint),
    )


def _times(began: float | None, ended: float | None) -> dict[str, object]:
    took = None if began is None or ended is None else round(ended - began, 3)
    return {
        "started_at": None if began is None else moment(began),
        "finished_at": None if ended is None else moment(ended),
        "seconds": took,
    }


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds, 3), UTC)
