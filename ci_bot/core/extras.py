"""What there is of a job besides its steps: caches found, artifacts kept, tests counted, lines covered.

Stored with the job's attempt; new fields need defaults. Every text in it is masked.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheUse:
    """One entry of `cache` in one attempt of a job. `found` is the key of what was read, "" for a miss."""

    key: str  # with its hashes; "" where they could not be made
    found: str = ""
    size: int = 0  # bytes of what was read, packed
    seconds: float = 0.0  # reading it took
    worth: float = 0.0  # seconds that the job which wrote it took; 0.0 if nobody knows
    written: int = 0  # bytes, packed, that were written under `key`; 0 if nothing was
    note: str = ""  # why it was not read, or not written

    @property
    def is_exact(self) -> bool:
        return bool(self.found) and self.found == self.key


@dataclass(frozen=True, slots=True)
class KeptArtifacts:
    """What a job's artifacts came to. Their names stand in the store."""

    files: int
    size: int  # bytes
    packed: int  # bytes of the archive
    expires_at: float
    notes: tuple[str, ...] = ()  # what was left out, and which globs matched nothing


@dataclass(frozen=True, slots=True)
class FailedTest:
    name: str
    message: str
    file: str = ""  # relative to the repository; "" where the report does not say
    line: int = 0


@dataclass(frozen=True, slots=True)
class TestCounts:
    """The JUnit reports of a job. `failures` are the first ones."""

    __test__ = False  # pytest takes its name for one of a test

    total: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: tuple[FailedTest, ...] = ()
    notes: tuple[str, ...] = ()  # reports that could not be read, and why


@dataclass(frozen=True, slots=True)
class Coverage:
    """The Cobertura reports of a job. Where there is no number, `notes` say why."""

    percent: float | None = None  # of its lines, 0 to 100, to two places
    lines: int = 0  # that could be covered; 0 where the report does not say
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extras:
    caches: tuple[CacheUse, ...] = ()
    artifacts: KeptArtifacts | None = None
    tests: TestCounts | None = None
    coverage: Coverage | None = None


NO_EXTRAS = Extras()
