"""Who gets which secret: the rules about a run, a step and a secret's own limits, in words where it is no."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from ci_bot.core.events import Repo
from ci_bot.core.manners import command, manners_of
from ci_bot.core.model import Run, RunKind
from ci_bot.core.planned import SecretRef, Step
from ci_bot.core.trust import Ruling

MOST_STARS: Final = 8


@dataclass(frozen=True, slots=True)
class SecretLimits:
    """Where alone a secret is given; () is everywhere. Set by whoever stored or sealed it."""

    events: tuple[str, ...] = ()  # "push", "pull_request", "tag", "merge_group", "manual"
    branches: tuple[str, ...] = ()  # patterns; of a pull request's code no branch of ours says anything
    images: tuple[str, ...] = ()  # patterns of image references as a step names them


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One value of one name, encrypted. Of those with the same scope and name one is not retired."""

    id: str
    scope: str
    name: str
    key_id: str
    value: bytes
    limits: SecretLimits
    created_at: float
    created_by: str
    retired_at: float | None = None

    @property
    def identity(self) -> bytes:
        """Bound to the encrypted value: moved to another row or given other limits, it does not open."""
        parts = {"id": self.id, "scope": self.scope, "name": self.name, "limits": asdict(self.limits)}
        return json.dumps(parts, sort_keys=True).encode()


def scopes_of(repo: Repo) -> tuple[str, str]:
    """Where the secrets of a repository are looked for: its own first, then its organisation's."""
    return repo.key, tenant_scope(repo)


def tenant_scope(repo: Repo) -> str:
    return f"{repo.forge}:tenant:{repo.tenant}"


def refusal_of_run(run: Run, *, locked: bool) -> str:
    """Why no step of this run gets any secret, "" if they may."""
    if run.ruling is not Ruling.RUN:
        return (
            "this run gets no secrets, because nobody with write access vouched for its commit; "
            f"on the {manners_of(run.repo.forge).pull}, "
            f"{command(run.repo.forge, '', f'approve {run.sha}')} gives them to it"
        )
    if not any(voucher.holds for voucher in run.vouchers):
        return "this run gets no secrets, because nobody is on record as having vouched for its commit"
    if locked:
        return (
            "this repository was transferred, so its secrets are locked; once its new owners have been "
            f"heard, the operator unlocks them: ci-bot secret unlock --repo {run.repo.name}"
        )
    return ""


def refusal_of_use(ref: SecretRef, limits: SecretLimits, run: Run, step: Step) -> str:
    """Why this step of this run does not get this secret, "" if it may."""
    if limits.events and run.kind not in limits.events:
        return f"secret {ref.name} is given on {_listed(limits.events)} alone, and this is {run.kind}"
    if limits.branches and not _on_branch(run, limits.branches):
        where = (
            f"a {manners_of(run.repo.forge).pull}"
            if run.pull is not None
            else f"{run.kind} of {run.ref}"
        )
        return f"secret {ref.name} is given on {_listed(limits.branches)} alone, and this is {where}"
    if limits.images and not any(matches(pattern, step.image) for pattern in limits.images):
        return (
            f"secret {ref.name} is given to {_listed(limits.images)} alone, not to image {step.image}"
        )
    return ""


def _on_branch(run: Run, patterns: Sequence[str]) -> bool:
    """A pull request's code is on no branch of the repository, whatever its own branch is called."""
    if run.pull is not None or run.kind is RunKind.TAG:
        return False
    branch = run.base_ref if run.kind is RunKind.MERGE_GROUP else run.ref
    return any(matches(pattern, branch) for pattern in patterns)


def matches(pattern: str, name: str) -> bool:
    """A glob over the whole name: `*` stops at a slash, `**` does not. Bounded by its few stars."""
    if pattern.count("*") > MOST_STARS:
        return False
    parts = re.split(r"(\*\*|\*)", pattern)
    regex = {"*": "[^/]*", "**": ".*"}
    return (
        re.fullmatch("".join(regex.get(part) or re.escape(part) for part in parts), name, re.DOTALL)
        is not None
    )


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
