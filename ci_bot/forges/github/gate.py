"""What protects a branch, as GitHub tells it, in; what is wrong with that and how to mend it out. Pure.

https://docs.github.com/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ci_bot.core.errors import ForgeError
from ci_bot.core.markdown import NAME_LENGTH, clip, one_line
from ci_bot.core.report.names import GATE
from ci_bot.forges.gate import GateExamination
from ci_bot.forges.payload import Fields, WrongShape

NOT_REQUIRED: Final = (
    "nothing requires {gate} on {branch}, so a pull request can be merged while it fails or has not run; "
    "add it as a required status check with the source {app}, in the repository's settings, Rules or Branches"
)
FROM_ANYBODY: Final = (
    "{gate} is required on {branch} from any source, so whoever may write commit statuses can make it "
    "green; choose {app} as its source, in {where}"
)
FROM_ANOTHER: Final = (
    "{gate} is required on {branch} from the App {other}, which is not this one ({app}, {own}), so no pull "
    "request can be merged; choose {app} as its source, in {where}"
)
JOB_REQUIRED: Final = (
    "{context} is required on {branch}: where its job is renamed or does not run it is never reported, and "
    "nothing can be merged; remove it in {where} and require {gate} alone, which waits for every job"
)
MISSPELT: Final = "{context} is required on {branch}, and nobody reports it: the check is called {gate}; rename it in {where}"
STATUS_TOO: Final = (
    "the newest commit of {branch} has a commit status {gate} beside the check of that name, and GitHub "
    "requires both; stop whatever sets the status"
)
BRANCHES: Final = "the repository's settings, Branches"
RULES: Final = "the ruleset {id} of {source}"


@dataclass(frozen=True, slots=True)
class Us:
    """Who the check must come from."""

    app_id: int
    slug: str


@dataclass(frozen=True, slots=True)
class Protection:
    """GitHub's answers about one branch; None for the one that it did not give.

    `branch`: https://docs.github.com/rest/branches/branches#get-a-branch,
    `rules`: https://docs.github.com/rest/repos/rules#get-rules-for-a-branch, and of its newest commit
    the check runs called `ci-bot` (`checks`) and the statuses (`statuses`).
    """

    branch: Any
    rules: Sequence[Any]
    checks: Any = None
    statuses: Any = None


@dataclass(frozen=True, slots=True)
class _Required:
    """A required check; `app` is the App that it must come from, None for anybody."""

    context: str
    app: int | None
    where: str


def examination(branch: str, found: Protection, us: Us) -> GateExamination:
    """Raises `ForgeError` for answers that do not describe a branch."""
    try:
        required = (*_of_branch(found.branch), *_of_rules(found.rules))
        queue = any(Fields.of(rule).name("type") == "merge_queue" for rule in found.rules)
        both = tuple(_status_too(found.checks, found.statuses))
    except WrongShape as error:
        raise ForgeError(f"GitHub's answer does not describe the branch: {error}") from error
    words = {"branch": _shown(branch), "gate": GATE, "app": us.slug, "own": us.app_id}
    problems = (*_gate(required, us), *_others(required), *both)
    return GateExamination(branch, tuple(text.format(**words | more) for text, more in problems), queue)


# ── what is required ─────────────────────────────────────────────────────────────────────────


def _of_branch(answer: Any) -> Iterator[_Required]:
    """`checks` says whom each must come from; `contexts` is the older list of the same without it."""
    if answer is None or not Fields.of(answer).has("protection"):
        return
    protection = Fields.of(answer).object("protection")
    if not protection.has("required_status_checks"):
        return
    required = protection.object("required_status_checks")
    checks = required.objects("checks") if required.has("checks") else ()
    known = {check.text("context") for check in checks}
    for check in checks:
        yield _Required(check.text("context"), _app(check, "app_id"), BRANCHES)
    contexts = required.data.get("contexts")
    for context in contexts if isinstance(contexts, list) else ():
        if isinstance(context, str) and context not in known:
            yield _Required(context, None, BRANCHES)


def _of_rules(rules: Sequence[Any]) -> Iterator[_Required]:
    for rule in map(Fields.of, rules):
        if rule.name("type") != "required_status_checks" or not rule.has("parameters"):
            continue
        where = _where(rule)
        for check in rule.object("parameters").objects("required_status_checks"):
            yield _Required(check.text("context"), _app(check, "integration_id"), where)


def _app(check: Fields, key: str) -> int | None:
    """Absent, null and -1 all mean anybody.

    https://docs.github.com/rest/branches/branch-protection#update-branch-protection
    """
    return None if check.data.get(key) in (None, -1) else check.id(key)


def _where(rule: Fields) -> str:
    if not rule.has("ruleset_id") or not rule.has("ruleset_source"):
        return "the repository's settings, Rules"
    return RULES.format(id=rule.id("ruleset_id"), source=_shown(rule.text("ruleset_source")))


# ── what is wrong ────────────────────────────────────────────────────────────────────────────

_Problem: TypeAlias = tuple[str, dict[str, Any]]


def _gate(required: Sequence[_Required], us: Us) -> Iterator[_Problem]:
    """One rule that asks for it from us is enough, but one that asks another for it blocks for ever."""
    ours = [one for one in required if one.context == GATE]
    if not ours:
        yield NOT_REQUIRED, {}
    for one in ours:
        if one.app is None and all(other.app is None for other in ours):
            yield FROM_ANYBODY, {"where": one.where}
        elif one.app not in (None, us.app_id):
            yield FROM_ANOTHER, {"where": one.where, "other": one.app}


def _others(required: Sequence[_Required]) -> Iterator[_Problem]:
    for one in required:
        words = {"context": _shown(one.context), "where": one.where}
        if one.context.startswith((f"{GATE} / ", f"{GATE} (")):
            yield JOB_REQUIRED, words
        elif one.context != GATE and one.context.casefold() == GATE:
            yield MISSPELT, words


def _status_too(checks: Any, statuses: Any) -> Iterator[_Problem]:
    """Where both are there and the name is required, both are; contexts differ by more than case only."""
    if checks is None or statuses is None or not Fields.of(checks).objects("check_runs"):
        return
    for status in Fields.of(statuses).objects("statuses"):
        if status.text("context").casefold() == GATE:
            yield STATUS_TOO, {}
            return


def _shown(text: str) -> str:
    return clip(one_line(text), NAME_LENGTH)
