"""GET /runs/{run}/artifacts and …/jobs/{job}/artifacts: what jobs kept; its names, and the archive itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from aiohttp import web
from pydantic import Field

from ci_bot.core.errors import PackRefused
from ci_bot.core.model import JobRun
from ci_bot.ports import ArtifactRecord
from ci_bot.web.api import models
from ci_bot.web.api.endpoint import DIGITS, Answer, Asked, Call, Endpoint, RunPath, Truth, say
from ci_bot.web.api.problems import Refused, missing
from ci_bot.web.api.runs import found
from ci_bot.web.artifacts import ZSTD, opened_pack, send_pack
from ci_bot.web.masking import Mask, mask_of

DOWNLOAD_LINK = {
    "download": (
        "downloadArtifacts",
        {"run": "$request.path.run", "job": "$response.body#/jobs/0/id"},
    )
}


class ArtifactsPath(RunPath):
    job: Annotated[str, Field(min_length=1, max_length=256, description="as .ci.yaml names it")]


class ArtifactsQuery(Asked):
    files: Truth = Field(False, description="with the name and size of every file")


class DownloadQuery(Asked):
    attempt: Annotated[int, Field(ge=1, le=10**6), DIGITS] | None = Field(
        None, description="default: the latest that has artifacts"
    )


async def list_artifacts(call: Call) -> web.Response:
    query: ArtifactsQuery = call.query
    run = await found(call.parts, call.token, call.path.run)
    attempts = await call.parts.runs.attempts(run.id)
    records = await _records(call, attempts)
    mask = await mask_of([run], call.parts.vault)
    jobs = [
        _described(job, records[job.id], mask, with_files=query.files)
        for job in attempts
        if job.id in records
    ]
    return say(models.Artifacts(jobs=jobs))


async def download(call: Call) -> web.StreamResponse:
    query: DownloadQuery = call.query
    run = await found(call.parts, call.token, call.path.run)
    attempts = [
        job
        for job in await call.parts.runs.attempts(run.id)
        if job.key == call.path.job and query.attempt in (None, job.attempt)
    ]
    if not attempts:
        raise missing("such job or attempt in this run")
    records = await _records(call, attempts)
    kept = [job.id for job in attempts if job.id in records]
    if not kept:
        raise Refused(404, "this job has no artifacts, or their time is over")
    try:
        pack, size = await opened_pack(call.parts.artifacts, kept[-1])
    except PackRefused as error:
        raise Refused(404, f"the artifacts cannot be had: {error}", "run the job again") from error
    return await send_pack(call.request, pack, size, {})


async def _records(call: Call, jobs: Sequence[JobRun]) -> Mapping[str, ArtifactRecord]:
    kept = await call.parts.records.of([job.id for job in jobs])
    return {record.job_id: record for record in kept if record.files}


def _described(
    job: JobRun, record: ArtifactRecord, mask: Mask, *, with_files: bool
) -> models.JobArtifacts:
    files = record.files if with_files else ()
    return models.JobArtifacts(
        id=job.key,
        attempt=job.attempt,
        count=len(record.files),
        size=record.size,
        archive_size=record.packed,
        expires_at=models.moment(record.expires_at),
        files=[models.ArtifactFile(name=mask(name), size=size) for name, size in files],
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/runs/{run}/artifacts",
        "listArtifacts",
        "What the jobs of a run kept, of every attempt, until it expires",
        list_artifacts,
        {200: Answer("the jobs that kept something", models.Artifacts, links=DOWNLOAD_LINK)},
        path=RunPath,
        query=ArtifactsQuery,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/runs/{run}/jobs/{job}/artifacts",
        "downloadArtifacts",
        "The artifacts of a job, as a tar archive compressed with zstd",
        download,
        {200: Answer("the archive", media_type=ZSTD, is_binary=True)},
        path=ArtifactsPath,
        query=DownloadQuery,
        refuses=(404,),
    ),
)
