"""GitLab's rate limits: requests of one user a minute, and the application's own for notes and resends."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from .config import Limits
from .errors import ApiError

_TOO_OFTEN = "This endpoint has been requested too many times. Try again later."


@dataclass(slots=True)
class Bucket:
    """One caller's use. ``not_before`` is until when it was told to stay away."""

    window_ends: float = 0.0
    used: int = 0
    told_at: float = 0.0
    not_before: float = 0.0


@dataclass(slots=True)
class RateLimits:
    limits: Limits
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _actions: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def reset(self) -> None:
        self._buckets.clear()
        self._actions.clear()

    def bucket(self, who: str) -> Bucket:
        return self._buckets.setdefault(who, Bucket())

    def enter(self, who: str) -> Bucket:
        """Counts a request in; 429 in plain text, as Rack::Attack answers (config/initializers/rack_attack.rb)."""
        now, bucket = time.time(), self.bucket(who)
        if now >= bucket.window_ends:
            bucket.window_ends, bucket.used = now + 60, 0
        if bucket.used >= self.limits.requests_a_minute:
            seconds = max(int(bucket.window_ends - now), 1)
            self.told(bucket, now, now + seconds)
            headers = {**self.headers(bucket), "Retry-After": str(seconds)}
            raise ApiError(429, {"text": "Retry later\n"}, headers)
        bucket.used += 1
        return bucket

    def act(self, who: str, action: str, most: int) -> None:
        """The application's own limits: 429 in JSON, without Retry-After (lib/gitlab/application_rate_limiter.rb)."""
        now, times = time.time(), self._actions.setdefault((who, action), deque())
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= most:
            raise ApiError(429, {"message": {"error": _TOO_OFTEN}})
        times.append(now)

    def told(self, bucket: Bucket, now: float, not_before: float) -> None:
        bucket.told_at, bucket.not_before = now, max(bucket.not_before, not_before)

    def impolite(self, bucket: Bucket, now: float) -> bool:
        """Whether a caller comes back before the time it was told."""
        return now > bucket.told_at + self.limits.polite_grace and now < bucket.not_before - 1

    def headers(self, bucket: Bucket) -> dict[str, str]:
        """https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers."""
        most = self.limits.requests_a_minute
        return {
            "RateLimit-Name": "throttle_authenticated_api",
            "RateLimit-Limit": str(most),
            "RateLimit-Observed": str(bucket.used),
            "RateLimit-Remaining": str(max(most - bucket.used, 0)),
            "RateLimit-Reset": str(int(bucket.window_ends)),
        }
