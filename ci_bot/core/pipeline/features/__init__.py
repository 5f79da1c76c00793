"""The features of the language, one file each. A new one stands in one of these tuples, and in `keys.py`.

The order is the one in which they are lowered.
"""

from __future__ import annotations

from typing import Final

from ci_bot.core.pipeline.features.allow_failure import ALLOW_FAILURE
from ci_bot.core.pipeline.features.checkout import CHECKOUT_FEATURE
from ci_bot.core.pipeline.features.command import COMMAND
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said, StepFeature
from ci_bot.core.pipeline.features.resources import RESOURCES_FEATURE
from ci_bot.core.pipeline.features.retry import RETRY_FEATURE
from ci_bot.core.pipeline.features.services import SERVICES

JOB_FEATURES: Final[tuple[JobFeature, ...]] = (
    ALLOW_FAILURE,
    RESOURCES_FEATURE,
    SERVICES,
    RETRY_FEATURE,
    CHECKOUT_FEATURE,
)
STEP_FEATURES: Final[tuple[StepFeature, ...]] = (COMMAND,)

__all__ = ["JOB_FEATURES", "STEP_FEATURES", "JobFeature", "Key", "Said", "StepFeature"]
