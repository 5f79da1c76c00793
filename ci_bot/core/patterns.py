"""Patterns of paths, as `.gitignore` has them, and the files that they match."""

from __future__ import annotations

from collections.abc import Sequence

from pathspec import GitIgnoreSpec


def any_file_matches(patterns: Sequence[str], files: Sequence[str]) -> bool:
    """https://git-scm.com/docs/gitignore#_pattern_format. Files are relative to the repository's top."""
    spec = GitIgnoreSpec.from_lines(patterns)
    return any(spec.match_file(file) for file in files)
