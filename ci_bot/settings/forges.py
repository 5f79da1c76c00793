"""The tables of the forges: `[github]` and `[gitlab]`."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, SecretStr, field_validator, model_validator

from ci_bot.settings.part import Part, Url

SHORTEST_SECRET: Final = 16  # characters
SIGNING_PREFIX: Final = "whsec_"
#: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#symmetric
_SIGNING_BYTES: Final = range(24, 65)


class GitHubSettings(Part):
    """The GitHub App. On GitHub Enterprise Server, `api_url` is https://HOST/api/v3."""

    app_id: int = Field(gt=0)
    private_key: SecretStr
    webhook_secret: SecretStr
    api_url: Url = "https://api.github.com"
    web_url: Url = "https://github.com"

    @field_validator("private_key")
    @classmethod
    def _is_rsa_key(cls, value: SecretStr) -> SecretStr:
        try:
            # Its primes, which take 30 ms, are checked where it is used.
            key = load_pem_private_key(
                value.get_secret_value().encode(), None, unsafe_skip_rsa_key_validation=True
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError(
                "is not a private key in PEM form; download one from the App's settings page"
            ) from None
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("is not an RSA key; GitHub Apps sign with RSA")  # noqa: TRY004 - pydantic wants it
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(
                f"is shorter than {SHORTEST_SECRET} characters; `openssl rand -hex 32` makes a good one"
            )
        return value


class GitLabSettings(Part):
    """A GitLab and the bot's account there. A server of your own has its address in `url`, with its path.

    `signing_token` and `webhook_token` may hold several, one on each line, while hooks change from one to
    the next. The plain one counts only where there is no signing token.
    """

    url: Url = "https://gitlab.com"
    token: SecretStr
    signing_token: SecretStr | None = None
    webhook_token: SecretStr | None = None
    run_level: int = Field(default=30, ge=30, le=50)  # https://docs.gitlab.com/api/access_requests/
    approve_level: int = Field(default=40, ge=30, le=50)

    @field_validator("token")
    @classmethod
    def _is_a_token(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text or not text.isascii() or any(char.isspace() for char in text):
            raise ValueError("is no access token; GitLab makes one under Settings, Access tokens")
        return value

    @field_validator("signing_token")
    @classmethod
    def _are_signing_tokens(cls, value: SecretStr | None) -> SecretStr | None:
        if not all(map(_is_signing_token, _lines(value))):
            raise ValueError(
                f"is not {SIGNING_PREFIX} and 32 bytes in base64; `ci-bot gitlab connect` makes one and "
                "gives it to GitLab"
            )
        return value

    @field_validator("webhook_token")
    @classmethod
    def _are_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if not all(len(line) >= SHORTEST_SECRET for line in _lines(value)):
            raise ValueError(
                f"is shorter than {SHORTEST_SECRET} characters; `openssl rand -hex 32` makes a good one"
            )
        return value

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        if self.approve_level < self.run_level:
            raise ValueError(
                f"approve_level ({self.approve_level}) is below run_level ({self.run_level}): whoever may "
                "approve the code of others must be somebody whose own may run"
            )
        return self

    @property
    def signing_tokens(self) -> tuple[str, ...]:
        return _lines(self.signing_token)

    @property
    def webhook_tokens(self) -> tuple[str, ...]:
        return _lines(self.webhook_token)


def _lines(value: SecretStr | None) -> tuple[str, ...]:
    return tuple(value.get_secret_value().split()) if value is not None else ()


def _is_signing_token(token: str) -> bool:
    """Which form: https://docs.gitlab.com/user/project/integrations/webhooks/#signing-tokens"""
    try:
        key = b64decode(token.removeprefix(SIGNING_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return token.startswith(SIGNING_PREFIX) and len(key) in _SIGNING_BYTES
