"""What people say on pull requests, and what ci-bot answers: reactions and replies."""

from __future__ import annotations

from tests.scenarios.world import PASSING, Scene, World


async def stranger(world: World, ci_yaml: str = PASSING) -> tuple[int, str]:
    """A pull request from a fork of somebody without write access, and its head."""
    await world.make_repo(private=False)
    await world.forge.fork(world.repo, "mallory")
    sha = await world.forge.push("mallory/shop", "evil", {".ci.yaml": ci_yaml}, by="mallory")
    number = await world.open_pull("mallory:evil", by="mallory")
    await world.check(sha)
    return number, sha


async def says(world: Scene, number: int, text: str, by: str = "alice") -> int:
    return int((await world.forge.comment(world.repo, number, text, by=by))["id"])


async def reacted(world: Scene, comment: int, wanted: str) -> list[str]:
    async def look() -> list[str] | None:
        found = await world.forge.reactions(world.repo, comment)
        return found if wanted in found else None

    return list(await world.until(look))


async def replies(world: Scene, number: int, least: int = 1) -> list[str]:
    """What ci-bot wrote besides its sticky comment."""

    async def look() -> list[str] | None:
        comments = await world.forge.comments(world.repo, number)
        found = [str(each["body"]) for each in comments if "ci-bot:reply:" in each["body"]]
        return found if len(found) >= least else None

    return list(await world.until(look))
