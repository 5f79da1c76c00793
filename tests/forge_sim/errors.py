"""The one exception of the API: an answer that is not a success, in GitHub's error shape."""

from __future__ import annotations

from typing import Any

DOCS = "https://docs.github.com/rest"


class Refused(Exception):
    """An answer that is not a success, in the shape of whichever forge gives it."""

    status = 400

    def body(self) -> dict[str, Any]:
        return {"message": str(self)}


class ApiError(Refused):
    """Carries ``status``, the message and, for 422, the list of ``errors``."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "message": self.message,
            "documentation_url": DOCS,
            "status": str(self.status),
        }
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def not_found() -> ApiError:
    return ApiError(404, "Not Found")


def forbidden() -> ApiError:
    return ApiError(403, "Resource not accessible by integration")


def invalid(field: str, message: str, resource: str = "Request") -> ApiError:
    """422 in the shape of https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api."""
    error = {"resource": resource, "field": field, "code": "custom", "message": message}
    return ApiError(422, f"Validation Failed: {message}", [error])
