"""The Docker executor keeps the contract of the port."""

from __future__ import annotations

import pytest

from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import CHECKS, SHARING, Check, sharing

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract(check: Check, executor: DockerExecutor, job: JobSpec) -> None:
    await check(executor, job, BUSYBOX)


@pytest.mark.parametrize("check", SHARING, ids=lambda check: check.__name__)
async def test_contract_of_shared_containers(
    check: Check, executor: DockerExecutor, job: JobSpec
) -> None:
    await check(executor, sharing(job), BUSYBOX)
