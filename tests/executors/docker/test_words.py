"""Exit codes and the engine's complaints in words."""

from __future__ import annotations

import pytest

from ci_bot.core.errors import EngineError, StepRefused
from ci_bot.core.model import Exit, ExitReason
from ci_bot.executors.docker import words

MIB_512 = 512 << 20


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (0, ""),
        (2, ""),
        (126, "a command could not be executed"),
        (127, "a command was not found"),
        (134, "aborted (SIGABRT)"),
        (137, "killed (SIGKILL), not by ci-bot"),
        (139, "segmentation fault (SIGSEGV)"),
        (143, "terminated (SIGTERM)"),
        (255, ""),
    ],
)
def test_exit_codes(code: int, message: str) -> None:
    assert words.exit_of(code, memory=None) == Exit(code, message=message)


def test_out_of_memory() -> None:
    killed = words.exit_of(137, memory=MIB_512)
    assert killed == Exit(137, ExitReason.OUT_OF_MEMORY, "out of memory (limit 512 MiB)")


@pytest.mark.parametrize(
    ("flagged", "code", "peak", "answer"),
    [
        (True, 137, None, True),
        (True, 2, 1 << 20, True),
        (False, 137, MIB_512, True),  # the engine heard of the end before it heard of the kill
        (False, 137, MIB_512 - 1, False),
        (False, 137, None, False),
        (False, 1, MIB_512, False),  # files that were read count too
    ],
)
def test_a_kill_at_the_limit_is_out_of_memory_where_the_engine_missed_it(
    flagged: bool, code: int, peak: int | None, answer: bool
) -> None:
    assert words.has_run_out(flagged, code, peak, MIB_512) is answer
    assert words.has_run_out(False, code, peak, 0) is False  # no limit


def test_a_tool_that_reports_that_its_process_was_killed() -> None:
    assert words.exit_of(2, memory=MIB_512) == Exit(
        2, message="a process ran out of memory (limit 512 MiB)"
    )
    assert words.exit_of(0, memory=MIB_512) == Exit(0)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (1 << 10, "1 KiB"), (MIB_512, "512 MiB"), (3 << 29, "1.5 GiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    "text",
    [
        "manifest for x:1 not found: manifest unknown: manifest unknown",
        "pull access denied for x, repository does not exist or may require 'docker login'",
        'Get "http://r/v2/x/manifests/1": no basic auth credentials',
        "unauthorized: authentication required",
        "no matching manifest for linux/amd64 in the manifest list entries",
        "pull access denied for timeout-tester, repository does not exist",
    ],
)
def test_an_image_that_cannot_be_had_is_the_authors_matter(text: str) -> None:
    failure = words.pull_failure("r/x:1", "r", text)
    assert isinstance(failure, StepRefused)
    assert str(failure) == (
        f'image "r/x:1" cannot be pulled: {text}; check its name, or give ci-bot credentials for r'
    )


@pytest.mark.parametrize(
    "text",
    [
        'Get "https://r/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host',
        'Get "https://r/v2/": dial tcp 10.0.0.1:443: connect: connection refused',
        "toomanyrequests: You have reached your pull rate limit",
        "Get https://r/v2/: net/http: TLS handshake timeout",
        "write /var/lib/docker/tmp/x: no space left on device",
        "something nobody has thought of",
    ],
)
def test_trouble_with_a_registry_is_infrastructure(text: str) -> None:
    assert isinstance(words.pull_failure("r/x:1", "r", text), EngineError)
    assert isinstance(words.not_allowed("r/x:1", "r", text), EngineError)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("unable to find user app: no matching entries in passwd file", StepRefused),
        ("failed to create endpoint x on network y: no available IPv4 addresses", EngineError),
    ],
)
def test_a_container_that_does_not_start(text: str, kind: type[Exception]) -> None:
    assert type(words.start_failure("x", text)) is kind


def test_foreign_words_stay_on_one_bounded_line() -> None:
    text = str(words.gone("unix:///x", "a\n\tb " + "c" * 5_000))
    assert "\n" not in text
    assert len(text) < 800


def test_limits_that_the_engine_does_not_enforce_are_named() -> None:
    """As a rootless engine says on a machine with cgroup v1, and as one does that was left without `cpu`."""
    none = {"MemoryLimit": False, "CpuCfsQuota": False, "PidsLimit": False}
    told = words.unenforced(none | {"CgroupDriver": "none", "CgroupVersion": "1"})
    assert "no limit of memory, CPUs, processes (cgroup v1, driver none)" in told
    every = {"MemoryLimit": True, "CpuCfsQuota": True, "PidsLimit": True}
    assert words.unenforced(every) == ""
    assert "no limit of CPUs (cgroup v2" in words.unenforced(
        every | {"CpuCfsQuota": False, "CgroupVersion": "2", "CgroupDriver": "systemd"}
    )


def test_the_machines_want_of_memory_is_not_the_steps() -> None:
    limit = 512 << 20
    assert words.is_machine_at_fault(100 << 20, limit)
    assert not words.is_machine_at_fault(510 << 20, limit)
    assert not words.is_machine_at_fault(None, limit)
    assert "used 100 MiB of the 512 MiB" in str(words.machine_out_of_memory(100 << 20, limit))
