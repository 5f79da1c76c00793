"""The features of the language, one file each. A new one stands in one of these tuples, and in `keys.py`.

The order is the one in which they are lowered.
"""

from __future__ import annotations

from typing import Final

from ci_bot.core.pipeline.features.allow_failure import ALLOW_FAILURE
from ci_bot.core.pipeline.features.concurrency import CONCURRENCY
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said, StepFeature
from ci_bot.core.pipeline.features.matrix import MATRIX

JOB_FEATURES: Final[tuple[JobFeature, ...]] = (MATRIX, ALLOW_FAILURE, CONCURRENCY)
STEP_FEATURES: Final[tuple[StepFeature, ...]] = ()

__all__ = ["JOB_FEATURES", "MATRIX", "STEP_FEATURES", "JobFeature", "Key", "Said", "StepFeature"]
