"""Conditions (`if`), in CEL: text → problems; text and what is known → an answer, and in words why not.

https://github.com/google/cel-spec is the language; `language` holds the part of it that is spoken here.
"""

from ci_bot.core.conditions.checking import Complaint, Known, check
from ci_bot.core.conditions.deciding import (
    decided,
    labels_read,
    patterns_of,
    reads_labels,
    with_changes,
)
from ci_bot.core.conditions.evaluating import (
    Answer,
    Before,
    Question,
    Values,
    answer,
    answered_by,
    evaluate,
)
from ci_bot.core.conditions.reading import Reads, asks_status, operands, reads
from ci_bot.core.conditions.reasons import why_failed, why_never, why_not

__all__ = [
    "Answer",
    "Before",
    "Complaint",
    "Known",
    "Question",
    "Reads",
    "Values",
    "answer",
    "answered_by",
    "asks_status",
    "check",
    "decided",
    "evaluate",
    "labels_read",
    "operands",
    "patterns_of",
    "reads",
    "reads_labels",
    "why_failed",
    "why_never",
    "why_not",
    "with_changes",
]
