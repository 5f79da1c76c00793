"""A run in; what hides the values of its secrets in titles, names and reasons out. Logs are masked already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ci_bot.core.errors import SecretRefused
from ci_bot.core.model import Run
from ci_bot.core.planned import SecretRef
from ci_bot.flow.known import masked, masker_of
from ci_bot.ports import Vault

Mask: TypeAlias = Callable[[str], str]


async def mask_of(runs: Sequence[Run], vault: Vault) -> Mask:
    """For all of them together. Runs of one repository that name the same secrets cost one look-up."""
    alike = {(run.repo.key, _refs(run)): run for run in runs if _refs(run)}
    values = [value for run in alike.values() for value in await _values(run, vault)]
    masker = masker_of(dict.fromkeys(values))
    return (lambda text: masked(text, masker)) if masker else str


async def _values(run: Run, vault: Vault) -> Sequence[bytes]:
    try:
        return await vault.values(run)
    except SecretRefused:  # what cannot be read any more was masked when it could be
        return ()


def _refs(run: Run) -> frozenset[SecretRef]:
    steps = [step for job in (run.plan.jobs if run.plan else ()) for step in job.steps]
    return frozenset(ref for step in steps for ref in step.secrets)
