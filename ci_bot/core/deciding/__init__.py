"""From an event and the facts about it to one Decision. Everything here is a pure function."""

from ci_bot.core.deciding.declaring import as_found, declared
from ci_bot.core.deciding.ends import (
    decide_closed,
    decide_comment_deleted,
    decide_deleted,
    decide_merge_group_dropped,
    decide_repo,
    decide_tenant,
)
from ci_bot.core.deciding.head import Head
from ci_bot.core.deciding.heads import (
    again,
    asks_for_labels,
    beside,
    decide_merge_group,
    decide_pull,
    decide_push,
    decide_tag,
    judge_run,
    lags_behind,
    natural_key,
    pull_run,
    short,
    turn_of,
)
from ci_bot.core.deciding.ticks import TickHead, decide_tick, may_tick, together_with
from ci_bot.core.deciding.trusting import (
    granted,
    people_behind,
    recorded,
    source_of,
    source_of_push,
    trust_of_pull,
)

__all__ = [
    "Head",
    "TickHead",
    "again",
    "as_found",
    "asks_for_labels",
    "beside",
    "decide_closed",
    "decide_comment_deleted",
    "decide_deleted",
    "decide_merge_group",
    "decide_merge_group_dropped",
    "decide_pull",
    "decide_push",
    "decide_repo",
    "decide_tag",
    "decide_tenant",
    "decide_tick",
    "declared",
    "granted",
    "judge_run",
    "lags_behind",
    "may_tick",
    "natural_key",
    "people_behind",
    "pull_run",
    "recorded",
    "short",
    "source_of",
    "source_of_push",
    "together_with",
    "trust_of_pull",
    "turn_of",
]
