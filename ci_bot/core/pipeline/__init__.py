"""`.ci.yaml` as bytes → Pipeline and Problems (`read`); Pipeline and an event → Plan (`plan`).

`json_schema` describes the language to editors.
"""

from __future__ import annotations

from ci_bot.core.pipeline.including import Absent
from ci_bot.core.pipeline.limits import Limits
from ci_bot.core.pipeline.planning import offered, plan
from ci_bot.core.pipeline.reading import CONFIG_FILES, Reading, read, refuse
from ci_bot.core.pipeline.schema import json_schema
from ci_bot.core.pipeline.selecting import needs_changes

__all__ = [
    "CONFIG_FILES",
    "Absent",
    "Limits",
    "Reading",
    "json_schema",
    "needs_changes",
    "offered",
    "plan",
    "read",
    "refuse",
]
