"""4b. deploying: jobs with an environment → deployments on the forge, one for each attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ci_bot.core.convergence import Published, external_id, fingerprint, is_unknown
from ci_bot.core.deployments import denied, deployments, deploys
from ci_bot.core.errors import ForgeDenied
from ci_bot.core.report import spot_of
from ci_bot.core.report.values import DeploymentReport
from ci_bot.ports import DeployingForge, Publications, Subject

Link = Callable[[str, str | None], str]


class Deployments:
    """Converges what the forge shows of a commit; a forge that refuses one is not asked for it again."""

    def __init__(
        self, forges: Mapping[str, DeployingForge], publications: Publications, link: Link
    ) -> None:
        self._forges = forges
        self._publications = publications
        self._link = link

    async def show(self, subject: Subject, mask: Callable[[str], str]) -> None:
        """Raises `ForgeError` where the forge may take it later, and `StoreError`."""
        if not deploys(subject.runs):
            return
        known = await self._publications.known(subject.id)
        for report, state in deployments(subject.runs, known, self._link):
            masked = replace(report, description=mask(report.description))
            if state.accepted != fingerprint(masked):
                await self._send(subject, masked, state)

    async def _send(self, subject: Subject, report: DeploymentReport, state: Published) -> None:
        forge = self._forges[subject.repo.forge]
        try:
            made = await self._made(forge, subject, report, state)
            await forge.update_deployment(subject.repo, made.handle or "", report)
        except ForgeDenied as error:
            await self._publications.save(subject.id, denied(state, str(error)))
            return
        shown = replace(made, accepted=fingerprint(report), is_final=report.state.is_final)
        await self._publications.save(subject.id, shown)

    async def _made(
        self, forge: DeployingForge, subject: Subject, report: DeploymentReport, state: Published
    ) -> Published:
        """It is there when this returns. That it was asked for is stored first: nobody may hear the answer."""
        if state.handle is not None:
            return state
        own_id = external_id(subject.id, state)
        handle = None
        if is_unknown(state):
            handle = await forge.find_deployment(subject.repo, subject.sha, report, own_id)
        else:
            await self._publications.save(subject.id, replace(state, sent=True))
        if handle is None:
            spot = spot_of(state.name, subject.runs)
            handle = await forge.create_deployment(subject.repo, spot, report, own_id)
        made = replace(state, handle=handle, sent=True)
        await self._publications.save(subject.id, made)
        return made
