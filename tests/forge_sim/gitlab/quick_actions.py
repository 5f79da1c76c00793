"""GitLab's own slash commands in comments: what is taken out of a note before anybody hears of it. Pure.

A line that begins with one of these names, in a paragraph, with whatever follows on it, is cut out. A note
that holds nothing else is never saved, and sets off no hook: ``/approve <sha>`` is GitLab's, not ci-bot's.
https://docs.gitlab.com/user/project/quick_actions/, lib/gitlab/quick_actions/extractor.rb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

#: Those of merge requests, in any tier.
NAMES = (
    *("add_email", "approve", "assign", "assign_reviewer", "award", "cc", "clear_time_spent", "close"),
    *("convert_to_ticket", "copy_metadata", "done", "draft", "duo_code_review", "estimate"),
    *("estimate_time", "label", "labels", "lock", "merge", "milestone", "react", "ready", "reassign"),
    *("reassign_reviewer", "rebase", "relabel", "remove_estimate", "remove_label", "remove_milestone"),
    *("remove_time_spent", "reopen", "request_changes", "request_review", "reviewer", "shrug", "spend"),
    *("spend_time", "spent", "submit_review", "subscribe", "tableflip", "target_branch", "title"),
    *("todo", "unapprove", "unassign", "unassign_reviewer", "unlabel", "unlock", "unsubscribe", "wip"),
)
_LINE = re.compile(rf"/(?P<name>{'|'.join(NAMES)})(?: (?P<arg>[^\n]*))?\s*", re.IGNORECASE)
_MARKDOWN = MarkdownIt("commonmark")


@dataclass(frozen=True, slots=True)
class Taken:
    """``rest`` is what becomes the note; "" where there is none."""

    rest: str
    actions: tuple[tuple[str, str], ...]


def extract(body: str) -> Taken:
    """(name, words after it) of each, from paragraphs alone: not from code, quotes, lists or HTML."""
    lines = body.replace("\r", "").split("\n")
    actions: list[tuple[str, str]] = []
    gone: set[int] = set()
    for token in _MARKDOWN.parse("\n".join(lines)):
        if token.type != "paragraph_open" or token.level != 0 or token.map is None:
            continue
        for number in range(*token.map):
            found = _LINE.fullmatch(lines[number])
            if found is not None:
                actions.append((found["name"].lower(), found["arg"] or ""))
                gone.add(number)
    rest = "\n".join(line for number, line in enumerate(lines) if number not in gone)
    return Taken(rest.strip() if gone else body, tuple(actions))
