"""A Rust crate or workspace."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.starter.values import WORKSPACE, Files, StarterJob

WANTED: Final = ("Cargo.toml", "rust-toolchain", "rust-toolchain.toml")


def find(files: Files) -> StarterJob | None:
    if "Cargo.toml" not in files:
        return None
    toolchain = files.get("rust-toolchain.toml", "") + files.get("rust-toolchain", "")
    version = re.search(r"\b(1\.\d{1,3})\b", toolchain)
    locked = " --locked" if "Cargo.lock" in files else ""
    return StarterJob(
        id="rust",
        why="Rust (Cargo.toml)",
        image=f"rust:{version[1] if version else '1'}",
        steps=(f"cargo build{locked} --all-targets", f"cargo test{locked}"),
        env={"CARGO_HOME": f"{WORKSPACE}/.cache/cargo", "CARGO_TERM_COLOR": "always"},
    )
