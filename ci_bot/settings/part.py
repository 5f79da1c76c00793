"""A table of `ci-bot.toml`: what all of them have in common. Each secret may be the path of a file instead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

_SECRETS: Final = (
    "private_key",
    "webhook_secret",
    "token",
    "signing_token",
    "webhook_token",
    "password",
    "urls",
)


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// (or http:// inside a trusted network)")
    return value.rstrip("/")


Url = Annotated[str, AfterValidator(_url)]


class Part(BaseModel):
    """A table of the file. `NAME_file` is read and becomes `NAME`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _read_secret_files(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Wraps, so that an unreadable file is reported beside whatever else is wrong."""
        if not isinstance(data, dict):
            return handler(data)
        read, problems = read_secret_files(data)
        try:
            part = handler(read)
        except ValidationError as error:
            unread = {str(problem["loc"][0]).removesuffix("_file") for problem in problems}
            others = [
                _again(item) for item in error.errors() if not unread.intersection(item["loc"][:1])
            ]
            raise ValidationError.from_exception_data(cls.__name__, problems + others) from error
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return part


def read_secret_files(data: dict[str, Any]) -> tuple[dict[str, Any], list[InitErrorDetails]]:
    """Replaces `NAME_file` by NAME with the file's content; says what could not be read."""
    read = dict(data)
    problems = []
    for name in _SECRETS:
        path = read.pop(f"{name}_file", None)
        if path is None:
            continue
        if name in read:
            problems.append(_problem(name, f"is given beside {name}; keep one of them"))
            continue
        try:
            read[name] = Path(str(path)).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8"
            problems.append(_problem(name, f"{path} cannot be read: {why}"))
    return read, problems


def _problem(name: str, message: str) -> InitErrorDetails:
    kind = PydanticCustomError("secret_file", "{message}", {"message": message})
    return {"type": kind, "loc": (f"{name}_file",), "input": None}


def _again(item: ErrorDetails) -> InitErrorDetails:
    kind = PydanticCustomError(item["type"], "{message}", {"message": message(item)})
    return {"type": kind, "loc": item["loc"], "input": None}


def message(item: ErrorDetails) -> str:
    """In words, for the person who wrote the setting."""
    match item["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is not a setting"
        case _:
            return str(item["msg"]).removeprefix("Value error, ")
