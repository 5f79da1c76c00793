"""The same stories on either forge: what is called and written otherwise there, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ci_bot.core.manners import Manners, command, manners_of
from tests.forge_sim.client import PERMISSIONS
from tests.scenarios.world import Scene

FORGES: Final = ("github", "gitlab")

#: The requests by which results, notes and clones come about; for faults.
RESULTS: Final = {
    "github": r"(POST|PATCH) /repos/.*/check-runs",
    "gitlab": r"POST /projects/.*/statuses/",
}
NOTES: Final = {
    "github": r"POST /repos/.*/issues/\d+/comments",
    "gitlab": r"POST /projects/.*/merge_requests/\d+/notes$",
}


@dataclass
class Place(Scene):
    """An organisation or a group, served by the one ci-bot that serves both forges."""

    kind: str
    account: int  # of the App, or of the bot
    login: str  # of the bot, where one must be a member of a fork

    @property
    def manners(self) -> Manners:
        return manners_of(self.kind)

    def command(self, words: str) -> str:
        """As ci-bot writes it here itself."""
        return command(self.kind, "", words)

    async def found(self) -> None:
        await self.people()
        installation = await self.forge.install(self.account, self.org)
        if self.kind == "github":  # on GitLab a Developer may deploy
            granted = {"permissions": PERMISSIONS | {"deployments": "write"}}
            await self.forge.control("PATCH", f"/installations/{installation}", granted)
        await self.forge.quiet()

    async def fork(self, by: str) -> str:
        """A person's copy. On GitLab its owner makes the bot a member, or it could report nothing there."""
        await self.forge.fork(self.repo, by)
        copy = f"{by}/shop"
        if self.kind == "gitlab":
            await self.forge.collaborator(copy, self.login, "write")
        return copy

    async def stranger(self, ci_yaml: str) -> tuple[int, str]:
        """A pull request from a fork of somebody without write access, and its head."""
        await self.make_repo(private=False)
        fork = await self.fork("mallory")
        sha = await self.forge.push(fork, "evil", {".ci.yaml": ci_yaml}, by="mallory")
        number = await self.open_pull("mallory:evil", by="mallory")
        await self.check(sha)
        return number, sha

    async def sticky(self, number: int, *words: str) -> str:
        """ci-bot's one comment that is kept true, once it says all of this."""

        async def look() -> str | None:
            found = await self.forge.comments(self.repo, number)
            bodies = [str(each["body"]) for each in found if "ci-bot:pull:" in each["body"]]
            assert len(bodies) <= 1, bodies
            return next((body for body in bodies if all(word in body for word in words)), None)

        return str(await self.until(look))
