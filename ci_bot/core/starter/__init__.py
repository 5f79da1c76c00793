"""What a repository holds in, a first `.ci.yaml` for it out: `starter`, and `WANTED` to be read for it. Pure."""

from __future__ import annotations

from ci_bot.core.starter.starter import FINDERS, WANTED, Starter, starter

__all__ = ["FINDERS", "WANTED", "Starter", "starter"]
