"""The features of the language, one file each. A new one stands in one of these tuples, and in `keys.py`.

The order is the one in which they are lowered.
"""

from __future__ import annotations

from typing import Final

from ci_bot.core.pipeline.features.allow_failure import ALLOW_FAILURE
from ci_bot.core.pipeline.features.artifacts import ARTIFACTS_FEATURE
from ci_bot.core.pipeline.features.cache import CACHE_FEATURE
from ci_bot.core.pipeline.features.checkout import CHECKOUT_FEATURE
from ci_bot.core.pipeline.features.command import COMMAND
from ci_bot.core.pipeline.features.concurrency import CONCURRENCY
from ci_bot.core.pipeline.features.condition import JOB_CONDITION, STEP_CONDITION
from ci_bot.core.pipeline.features.docker import DOCKER
from ci_bot.core.pipeline.features.environment import ENVIRONMENT
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said, StepFeature
from ci_bot.core.pipeline.features.isolation import ISOLATION
from ci_bot.core.pipeline.features.matrix import MATRIX
from ci_bot.core.pipeline.features.resources import RESOURCES_FEATURE
from ci_bot.core.pipeline.features.retry import RETRY_FEATURE
from ci_bot.core.pipeline.features.services import SERVICES

JOB_FEATURES: Final[tuple[JobFeature, ...]] = (
    MATRIX,
    JOB_CONDITION,
    ALLOW_FAILURE,
    RESOURCES_FEATURE,
    SERVICES,
    DOCKER,
    CONCURRENCY,
    ENVIRONMENT,
    ARTIFACTS_FEATURE,
    CACHE_FEATURE,
    RETRY_FEATURE,
    CHECKOUT_FEATURE,
    ISOLATION,
)
STEP_FEATURES: Final[tuple[StepFeature, ...]] = (STEP_CONDITION, COMMAND)

__all__ = ["JOB_FEATURES", "MATRIX", "STEP_FEATURES", "JobFeature", "Key", "Said", "StepFeature"]
