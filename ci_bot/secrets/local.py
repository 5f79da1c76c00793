"""Secrets of `ci-bot run`: what the person at the keyboard gives, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ci_bot.core.errors import SecretRefused
from ci_bot.core.model import JobRun, Run
from ci_bot.core.planned import Step


class LocalVault:
    """Implements `ports.Vault`. Sealed strings open on the server alone, so here they are given as well."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    async def open(self, run: Run, job: JobRun, step: Step) -> Mapping[str, str]:
        for ref in step.secrets:
            if ref.name not in self._given:
                how = f"export {ref.name} and add --secret {ref.name}"
                raise SecretRefused(f"secret {ref.name} is not given here; {how}")
        return {ref.variable: self._given[ref.name] for ref in step.secrets}

    async def values(self, run: Run) -> Sequence[bytes]:
        return [value.encode("utf-8", "surrogateescape") for value in self._given.values()]
