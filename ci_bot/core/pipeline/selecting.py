"""The filters of an event and what happened → whether it is selected, and if not, in words why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ci_bot.core.conditions import patterns_of
from ci_bot.core.occasion import Changed, Facts, Occasion
from ci_bot.core.patterns import any_file_matches, is_too_much, matches_ref
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.planned import Filter, Pipeline

_MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event starts nothing. `awaits`: it will, once a person has acted."""

    reason: str
    awaits: bool = False


def refusal(filters: Filter, occasion: Occasion) -> Refusal | None:
    """The first filter that the event does not pass, None where it passes all; a draft comes last.

    So a draft is only asked to become ready where that would start something.
    """
    facts = occasion.facts
    reason = (
        _by_branch(filters, facts) or _by_tag(filters, facts) or _by_paths(filters, occasion.changed)
    )
    if reason:
        return Refusal(reason)
    if facts.draft and not filters.drafts:
        return Refusal('this is a draft, and "drafts: false" waits until it is ready for review', True)
    return None


def needs_changes(pipeline: Pipeline, event: str) -> bool:
    """Whether anything that is planned for this event depends on which files changed."""
    if event not in pipeline.on:
        return False
    filters = pipeline.filters.get(event, Filter())
    return bool(filters.paths or filters.paths_ignore or patterns_of(pipeline.jobs))


def why_all_changed(pipeline: Pipeline, occasion: Occasion) -> str:
    """Why every path counts as changed, where that is so and something asks for changed files."""
    if not needs_changes(pipeline, occasion.facts.event):
        return ""
    files = occasion.changed.files
    if files is None:
        return occasion.changed.reason
    filters = pipeline.filters.get(occasion.facts.event, Filter())
    asked = ((*filters.paths, *filters.paths_ignore), patterns_of(pipeline.jobs))
    if any(is_too_much(patterns, files) for patterns in asked):
        return f"{len(files):,} files changed, too many to compare with these patterns"
    return ""


def _by_branch(filters: Filter, facts: Facts) -> str:
    name, what = (facts.base, "the base") if facts.event == "pull_request" else (facts.branch, "branch")
    return _by_name("branches", what, name, filters.branches, filters.branches_ignore)


def _by_tag(filters: Filter, facts: Facts) -> str:
    return _by_name("tags", "tag", facts.tag, filters.tags, ())


def _by_name(key: str, what: str, name: str, wanted: Sequence[str], unwanted: Sequence[str]) -> str:
    """Ignore wins, so it is asked first. Where there is no name (`ci-bot run`), nobody is kept out by it."""
    if not name:
        return ""
    if unwanted and matches_ref(unwanted, name):
        return f"{key}-ignore: {what} {quoted(name)} matches {_listed(unwanted, 'or')}"
    if wanted and not matches_ref(wanted, name):
        return f"{key}: {what} {quoted(name)} matches none of {_listed(wanted, 'and')}"
    return ""


def _by_paths(filters: Filter, changed: Changed) -> str:
    """Where nobody can tell which files changed, every path counts as changed."""
    files, wanted, unwanted = changed.files, filters.paths, filters.paths_ignore
    if files is None or not (wanted or unwanted) or is_too_much((*wanted, *unwanted), files):
        return ""
    counted = [file for file in files if not (unwanted and any_file_matches(unwanted, (file,)))]
    if not counted:
        return (
            f"paths-ignore: {_all_of(files)} {_listed(unwanted, 'or')}" if files else _nothing(filters)
        )
    if wanted and not any_file_matches(wanted, counted):
        return f"paths: {_none_of(counted)} {_listed(wanted, 'or')}"
    return ""


def _nothing(filters: Filter) -> str:
    return f"{'paths' if filters.paths else 'paths-ignore'}: no file changed"


def _all_of(files: Sequence[str]) -> str:
    return "the one changed file matches" if len(files) == 1 else f"all {_count(files)} match"


def _none_of(files: Sequence[str]) -> str:
    return (
        "the one changed file does not match" if len(files) == 1 else f"none of {_count(files)} match"
    )


def _count(files: Sequence[str]) -> str:
    return f"{len(files)} changed files"


def _listed(patterns: Sequence[str], word: str) -> str:
    """Patterns as they are written, the first few."""
    more = len(patterns) - _MOST_SHOWN
    shown = [pattern if pattern.isprintable() else ascii(pattern) for pattern in patterns[:_MOST_SHOWN]]
    return ", ".join(shown) + (f" {word} {more} more" if more > 0 else "")
