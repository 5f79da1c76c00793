"""`.ci.yaml` as bytes → Pipeline and Problems (`read`); Pipeline and an event → Plan (`plan`)."""

from __future__ import annotations

from ci_bot.core.pipeline.limits import Limits
from ci_bot.core.pipeline.planning import offered, plan
from ci_bot.core.pipeline.reading import CONFIG_FILES, Reading, read, refuse

__all__ = ["CONFIG_FILES", "Limits", "Reading", "offered", "plan", "read", "refuse"]
