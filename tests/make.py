"""Short ways to make the values that tests talk about."""

from __future__ import annotations

from dataclasses import replace

from ci_bot.core.decisions import Decision, NewRun, SeeRepo
from ci_bot.core.events import NO_SHA, Actor, Pull, PullRequestChanged, Pushed, Repo
from ci_bot.core.model import RunKind, Verdict
from ci_bot.core.planned import Job, Plan, Step
from ci_bot.core.tokens import ApiToken, TokenScope, digest

REPO = Repo("github", 7, "acme/shop", "main", private=True, tenant="42")
ALICE = Actor(1, "alice")
MALLORY = Actor(666, "mallory")
SHA_A, SHA_B, SHA_C = "a" * 40, "b" * 40, "c" * 40


def job(id: str, *scripts: str, needs: tuple[str, ...] = (), timeout: int = 3600) -> Job:
    steps = tuple(Step(name=script, run=script, image="img") for script in scripts or (f"run {id}",))
    return Job(id=id, name=id, steps=steps, needs=needs, timeout=timeout)


def plan(*jobs: Job) -> Plan:
    return Plan("shop", jobs or (job("test"),))


def new_run(
    sha: str = SHA_A, kind: RunKind = RunKind.PUSH, ref: str = "main", **more: object
) -> NewRun:
    run = NewRun(
        key=f"{REPO.key} {kind} {sha} {ref}",
        repo=REPO,
        kind=kind,
        ref=ref,
        sha=sha,
        verdict=Verdict.PLANNED,
        actor=ALICE,
        plan=plan(),
    )
    return replace(run, **more)  # type: ignore[arg-type]


def creating(*runs: NewRun) -> Decision:
    return Decision("made by a test", create=runs, repos=(SeeRepo(REPO),))


def pull(sha: str = SHA_A, number: int = 3, **more: object) -> Pull:
    made = Pull(
        number=number,
        title="Add a feature",
        author=ALICE,
        head_sha=sha,
        head_ref="feature",
        head_repo=REPO.id,
        base_ref="main",
        base_sha=SHA_C,
        is_open=True,
        is_draft=False,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def opened(pull: Pull, actor: Actor = ALICE, *, brought_head: bool = True) -> PullRequestChanged:
    return PullRequestChanged(REPO, pull, actor, brought_head)


def pushed(sha: str = SHA_A, branch: str = "main", before: str = NO_SHA, message: str = "x") -> Pushed:
    return Pushed(REPO, branch, sha, before, message, ALICE)


def token(text: str = "", **more: object) -> ApiToken:
    """A token for the shop, of whoever knows `text`."""
    made = ApiToken(
        id="t1",
        name="alice",
        sha256=digest(text),
        scope=TokenScope.WRITE,
        repos=(REPO.key,),
        created_at=1_000_000.0,
        created_by="root",
    )
    return replace(made, **more)  # type: ignore[arg-type]
