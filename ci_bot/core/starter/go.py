"""A Go module."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.starter.values import WORKSPACE, Files, StarterJob

WANTED: Final = ("go.mod",)


def find(files: Files) -> StarterJob | None:
    if "go.mod" not in files:
        return None
    version = re.search(r"^go (1\.\d{1,2})\b", files["go.mod"], re.MULTILINE)
    return StarterJob(
        id="go",
        why="Go (go.mod)",
        image=f"golang:{version[1] if version else '1'}",
        steps=("go build ./...", "go vet ./...", "go test ./..."),
        env={"GOMODCACHE": f"{WORKSPACE}/.cache/go/mod", "GOCACHE": f"{WORKSPACE}/.cache/go/build"},
    )
