"""Names and labels of everything that this server makes on an engine: ids in, text out. Pure."""

from __future__ import annotations

import hashlib
import re

from ci_bot.ports import JobSpec, StepSpec

INSTANCE = "ci-bot.instance"
RUN = "ci-bot.run"
JOB = "ci-bot.job"
REPO = "ci-bot.repo"
STEP = "ci-bot.step"
GENERATION = "ci-bot.generation"
SERVICE = "ci-bot.service"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def is_safe(instance: str) -> bool:
    """True if it may stand in the names of containers and networks."""
    return _SAFE.fullmatch(instance) is not None


def container_name(job: JobSpec, spec: StepSpec) -> str:
    return f"ci-bot-{job.id}-{spec.index}-g{spec.generation}"


def home_name(job: JobSpec, home: str) -> str:
    """The container of the step whose control directory has this name."""
    return f"ci-bot-{job.id}-{home}"


def service_name(job: JobSpec, service: str) -> str:
    return f"ci-bot-{job.id}-service-{service}"


def service_labels(instance: str, job: JobSpec, service: str) -> dict[str, str]:
    return job_labels(instance, job) | {SERVICE: service}


def workspace_volume(job: JobSpec) -> str:
    return f"ci-bot-{job.id}-workspace"


def objects_volume(job: JobSpec) -> str:
    return f"ci-bot-{job.id}-objects"


def job_labels(instance: str, job: JobSpec) -> dict[str, str]:
    return {INSTANCE: instance, RUN: job.run_id, JOB: job.id, REPO: job.repo}


def labels(instance: str, job: JobSpec, spec: StepSpec) -> dict[str, str]:
    step = {STEP: str(spec.index), GENERATION: str(spec.generation)}
    return job_labels(instance, job) | step


def network_name(instance: str) -> str:
    return f"ci-bot-{instance}"


def network_of(instance: str, job: JobSpec) -> str:
    """Jobs with services, or an engine, have a network of their own."""
    return job_network(job) if job.job.company else network_name(instance)


def job_network(job: JobSpec) -> str:
    return f"ci-bot-{job.id}"


def bridge_name(instance: str) -> str:
    """The network's interface on the host, for firewall rules; Linux allows 15 characters.

    Of a job's own network by the job's id.
    """
    return "ci-bot-" + hashlib.sha256(instance.encode()).hexdigest()[:8]
