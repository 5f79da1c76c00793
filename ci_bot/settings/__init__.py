"""`ci-bot.toml` and `CI_BOT_*` variables → one frozen Settings, or every problem at once."""

from ci_bot.settings.forges import GitHubSettings, GitLabSettings
from ci_bot.settings.loading import (
    APP_FILE,
    CONFIG_FILE,
    ENV_PREFIX,
    KEY_FILE,
    SECRET_FILE,
    SIGNING_FILE,
    WEBHOOK_FILE,
    DiskSettings,
    EngineSettings,
    LimitSettings,
    NotificationSettings,
    RegistrySettings,
    RetentionSettings,
    Settings,
    TrustSettings,
    load,
)

__all__ = [
    "APP_FILE",
    "CONFIG_FILE",
    "ENV_PREFIX",
    "KEY_FILE",
    "SECRET_FILE",
    "SIGNING_FILE",
    "WEBHOOK_FILE",
    "DiskSettings",
    "EngineSettings",
    "GitHubSettings",
    "GitLabSettings",
    "LimitSettings",
    "NotificationSettings",
    "RegistrySettings",
    "RetentionSettings",
    "Settings",
    "TrustSettings",
    "load",
]
