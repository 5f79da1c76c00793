"""What a step's shell gets, tried with the shells that images have as /bin/sh."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ci_bot.core.errors import StepRefused
from ci_bot.core.planned import Step
from ci_bot.executors.docker import script
from ci_bot.ports import StepSpec
from dev.images import ImagesError, static_busybox
from tests.conftest import REQUIRED

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}

VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True).map(lambda name: f"X_{name}")


@pytest.fixture(scope="module", params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """The command that starts it. Only busybox is brought: it is that of the test images, and needs no engine."""
    name, *arguments = SHELLS[request.param]
    program = request.getfixturevalue("busybox") if name == "busybox" else found(name)
    return [program, *arguments]


@pytest.fixture(scope="module")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> str:
    try:
        program = static_busybox(tmp_path_factory.mktemp("busybox"))
        subprocess.run([program, "true"], check=True)
    except (ImagesError, OSError, subprocess.CalledProcessError) as error:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but no busybox can be had: {error}", pytrace=False)
        pytest.skip(f"no busybox can be had: {error}")
    return str(program)


def found(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        pytest.skip(f"this machine has no {command}")
    return path


def spec(run: str = "", env: dict[str, str] | None = None, workdir: str = ".") -> StepSpec:
    return StepSpec(0, 1, Step("a step", run, "image", workdir=workdir), env or {})


def environment(shell: list[str], exports: bytes) -> dict[bytes, bytes]:
    """What a process started by this shell after these lines sees."""
    done = subprocess.run(
        [*shell, "-c", exports + b"\nexec /usr/bin/env -0"],
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    pairs = (line.partition(b"=") for line in done.stdout.split(b"\0") if line)
    return {name: value for name, _, value in pairs}


def exports(env: dict[str, str]) -> bytes:
    """The part of `begin` before the container's own paths come in."""
    return script.begin(spec(env=env)).partition(b"\necho 'ci-bot")[0]


@given(env=st.dictionaries(NAMES, VALUES, max_size=5))
@example({"X_A": "it's \"q\" $HOME `id` \\n \\ * ~ ! # \n\n\t\r\x01 é \u2028 \U0001f600 '"})
@example({"X_A": "-n", "X_B": "'", "X_C": "\n", "X_D": ""})
@settings(max_examples=60, deadline=None)
def test_every_value_arrives_exactly(shell: list[str], env: dict[str, str]) -> None:
    seen = environment(shell, exports(env))
    assert {name: seen[name.encode()].decode() for name in env} == env


def told(shell: list[str], text: bytes) -> subprocess.CompletedProcess[bytes]:
    """What comes of `listen` when this much arrives and then the connection breaks."""
    return subprocess.run(
        [*shell, "-c", script.listen().decode()],
        input=text,
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )


@given(env=st.dictionaries(NAMES, VALUES, max_size=5), cut=st.floats(0, 1))
@example({"X_A": "it's \"q\" $HOME `id` \\n \\ * ~ ! # \n\n\t\r\x01 é \u2028 \U0001f600 '"}, 0.5)
@example({"X_A": "\n" * 500, "X_B": "\\\n", "X_C": " x ", "X_D": ""}, 0.99)
@settings(max_examples=40, deadline=None)
def test_what_is_told_by_standard_input_arrives_whole_or_not_at_all(
    shell: list[str], env: dict[str, str], cut: float
) -> None:
    whole = script.dictated(exports(env) + b"\nexec /usr/bin/env -0\n")
    pairs = (line.partition(b"=") for line in told(shell, whole).stdout.split(b"\0") if line)
    seen = {name: value for name, _, value in pairs}
    assert {name: seen[name.encode()].decode() for name in env} == env
    done = told(shell, whole[: int(cut * (len(whole) - 1))])
    assert script.says_not_begun(done.stdout)
    assert (done.returncode, done.stderr) == (script.NOT_BEGUN_CODE, b"")


def test_no_name_ends_the_shell(shell: list[str]) -> None:
    odd = dict.fromkeys(
        (*script.SHELLS_OWN, "IFS", "PS4", "RANDOM", "SECONDS", "_", "ENV"), "no number"
    )
    assert environment(shell, exports({**odd, "X_LAST": "here"}))[b"X_LAST"] == b"here"


@pytest.mark.parametrize("name", ["", "A-B", "1A", "A B", "A=B", "Ä", "A\n", "$(id)"])
def test_names_that_no_shell_can_set_are_refused(name: str) -> None:
    with pytest.raises(StepRefused, match="cannot be set as an environment variable"):
        script.begin(spec(env={name: "x"}))


def test_a_nul_is_refused() -> None:
    with pytest.raises(StepRefused, match="variable A holds a NUL"):
        script.begin(spec(env={"A": "x\0y"}))


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert b"export CI_PR_TITLE='a?b'" in script.begin(spec(env={"CI_PR_TITLE": "a\ud800b"}))


@given(text=VALUES)
def test_a_quoted_text_is_one_word(text: str) -> None:
    word = script.quoted(text)
    assert word.startswith("'")
    assert word.endswith("'")
    assert word[1:-1].replace("'\\''", "") == text.replace("'", "")


def test_the_script_is_the_authors_text_alone() -> None:
    assert script.script(spec("echo ${A}\nmake 'x'")) == b"echo ${A}\nmake 'x'\n"


def test_git_trusts_every_directory() -> None:
    env = script.with_safe_directory({})
    assert _git_config(env, "safe.directory") == "*"


def test_the_steps_own_git_configuration_stays() -> None:
    own = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Ann"}
    env = script.with_safe_directory(own)
    assert (_git_config(env, "user.name"), _git_config(env, "safe.directory")) == ("Ann", "*")


def test_a_broken_git_configuration_is_left_to_git() -> None:
    assert script.with_safe_directory({"GIT_CONFIG_COUNT": "many"}) == {"GIT_CONFIG_COUNT": "many"}


@pytest.mark.parametrize(
    ("image_home", "own", "seen"),
    [
        (None, {}, "/tmp"),
        ("/nowhere", {}, "/tmp"),
        ("{tmp}", {}, "{tmp}"),
        ("/nowhere", {"HOME": "/mine"}, "/mine"),
    ],
)
def test_home_is_somewhere_writable(
    image_home: str | None, own: dict[str, str], seen: str, tmp_path: Path
) -> None:
    home = {} if image_home is None else {"HOME": image_home.format(tmp=tmp_path)}
    done = subprocess.run(
        [found("dash"), "-c", exports(own) + b'\nprintf %s "$HOME"'],
        capture_output=True,
        check=True,
        env=home,
    )
    assert done.stdout.decode() == seen.format(tmp=tmp_path)


def _git_config(env: dict[str, str], key: str) -> str:
    done = subprocess.run(
        ["git", "config", "--get", key],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **env},
        cwd="/",
    )
    return done.stdout.strip()


#: As functions, since busybox takes its own `sleep` before any program.
SLEEPS = (
    'sleep() {{ echo slept >>{here}/slept; slept=x$slept; [ "$slept" != xxx ] || echo >{here}/heard; }}'
)
FAILS = "sleep() {{ return 1; }}"


@pytest.mark.parametrize(
    ("sleep", "heard", "slept"),
    [(SLEEPS, False, 3), (SLEEPS, True, 0), (FAILS, False, 0)],
    ids=["until it is heard", "heard already", "no fractions"],
)
def test_it_ends_when_it_is_heard_with_its_exit_code(
    tmp_path: Path, shell: list[str], sleep: str, heard: bool, slept: int
) -> None:
    if heard:
        (tmp_path / "heard").touch()
    whole = script.begin(spec()).decode()
    end = whole[whole.index(f"[ -e {script.HEARD_INSIDE}") :]
    end = end.replace(script.HEARD_INSIDE, str(tmp_path / "heard"))
    prelude = f"slept= code=3\n{sleep.format(here=tmp_path)}\n"
    done = subprocess.run([*shell, "-c", prelude + end], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (3, b"")
    record = tmp_path / "slept"
    assert (len(record.read_text().splitlines()) if record.exists() else 0) == slept
