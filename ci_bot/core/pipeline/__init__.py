"""`.ci.yaml` as bytes → Pipeline and Problems (`read`); Pipeline and an event → Plan (`plan`).

`json_schema` describes the language to editors.
"""

from __future__ import annotations

from ci_bot.core.pipeline.limits import Limits
from ci_bot.core.pipeline.planning import offered, plan
from ci_bot.core.pipeline.reading import CONFIG_FILES, Reading, read, refuse
from ci_bot.core.pipeline.schema import json_schema

__all__ = ["CONFIG_FILES", "Limits", "Reading", "json_schema", "offered", "plan", "read", "refuse"]
