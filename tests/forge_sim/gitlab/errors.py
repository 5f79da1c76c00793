"""Answers of the API that are not a success, in GitLab's shapes.

https://docs.gitlab.com/api/rest/troubleshooting/#status-codes
"""

from __future__ import annotations

from typing import Any

from ..errors import Refused


class ApiError(Refused):
    """``said`` is the whole body: ``{"message": …}`` or, of parameters and tokens, ``{"error": …}``."""

    def __init__(
        self, status: int, said: dict[str, Any] | str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(str(said))
        self.status = status
        self.said = said if isinstance(said, dict) else {"message": said}
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        return self.said


def not_found(what: str = "") -> ApiError:
    """``404 Project Not Found``: also for what the caller may not see."""
    return ApiError(404, f"404 {what} Not Found" if what else "404 Not found")


def forbidden(why: str = "403 Forbidden") -> ApiError:
    return ApiError(403, why)


def unauthorized() -> ApiError:
    return ApiError(401, "401 Unauthorized")


def invalid(field: str, *why: str, status: int = 400) -> ApiError:
    """A record that did not pass validation."""
    return ApiError(status, {"message": {field: list(why)}})


def bad_parameter(words: str) -> ApiError:
    """As Grape answers: ``ref is missing, state does not have a valid value``."""
    return ApiError(400, {"error": words})
