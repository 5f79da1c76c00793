"""Primary and secondary rate limits per caller, after GitHub's own numbers.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from .config import Limits
from .errors import ApiError

_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass(slots=True)
class Bucket:
    """One caller's use. ``not_before`` is until when it was told to stay away."""

    window_ends: float = 0.0
    used: int = 0
    running: int = 0
    points: deque[tuple[float, int]] = field(default_factory=deque)
    points_sum: int = 0
    content: deque[float] = field(default_factory=deque)
    told_at: float = 0.0
    not_before: float = 0.0


class RateLimits:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, who: str) -> Bucket:
        return self._buckets.setdefault(who, Bucket())

    def reset(self) -> None:
        self._buckets.clear()

    def enter(self, who: str, method: str, content: bool) -> Bucket:
        """Count a request in; raises the 403 or 429 of the limit it breaks."""
        now = time.time()
        bucket = self.bucket(who)
        if now >= bucket.window_ends:
            bucket.window_ends, bucket.used = now + self.limits.primary_window, 0
        if bucket.used >= self.limits.primary:
            self.told(bucket, now, bucket.window_ends)
            raise ApiError(403, "API rate limit exceeded", headers=self.headers(bucket))
        bucket.used += 1
        self._secondary(bucket, now, 1 if method in ("GET", "HEAD", "OPTIONS") else 5, content)
        bucket.running += 1
        return bucket

    def _secondary(self, bucket: Bucket, now: float, points: int, content: bool) -> None:
        self._forget(bucket, now)
        limits = self.limits
        minute = sum(1 for at in bucket.content if at > now - 60)
        broken = (
            bucket.running >= limits.concurrent
            or bucket.points_sum + points > limits.points_a_minute
            or (content and minute >= limits.content_a_minute)
            or (content and len(bucket.content) >= limits.content_an_hour)
        )
        if broken:
            self.told(bucket, now, now + limits.pushback_seconds)
            headers = self.headers(bucket)
            if limits.pushback_header:
                headers["retry-after"] = str(limits.pushback_seconds)
            raise ApiError(limits.pushback_status, _SECONDARY, headers=headers)
        bucket.points.append((now, points))
        bucket.points_sum += points
        if content:
            bucket.content.append(now)

    def _forget(self, bucket: Bucket, now: float) -> None:
        while bucket.points and bucket.points[0][0] <= now - 60:
            bucket.points_sum -= bucket.points.popleft()[1]
        while bucket.content and bucket.content[0] <= now - 3600:
            bucket.content.popleft()

    def leave(self, bucket: Bucket, unchanged: bool) -> None:
        """Count a request out; an answer of 304 costs nothing of the primary limit."""
        bucket.running -= 1
        if unchanged:
            bucket.used -= 1

    def told(self, bucket: Bucket, now: float, not_before: float) -> None:
        bucket.told_at, bucket.not_before = now, max(bucket.not_before, not_before)

    def impolite(self, bucket: Bucket, now: float) -> bool:
        """Whether a caller comes back before the time it was told."""
        return now > bucket.told_at + self.limits.polite_grace and now < bucket.not_before - 1

    def headers(self, bucket: Bucket) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(self.limits.primary),
            "x-ratelimit-remaining": str(max(self.limits.primary - bucket.used, 0)),
            "x-ratelimit-used": str(bucket.used),
            "x-ratelimit-reset": str(int(bucket.window_ends) + 1),
            "x-ratelimit-resource": "core",
        }
