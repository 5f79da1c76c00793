"""Names that would change what a step runs are refused; values that cannot be hidden are warned of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.mask import is_maskable
from ci_bot.core.secret_names import MAX_VALUE, refusal_of_name, refusal_of_value, warning_of_value

OBEYED = """
PATH HOME SHELL USER LOGNAME PWD OLDPWD IFS ENV BASH_ENV PS1 PS2 PS4 PROMPT_COMMAND TMPDIR
CI CI_ CI_TOKEN LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES BASH_FUNC_ls
GIT_SSH GIT_SSH_COMMAND GIT_EXEC_PATH GIT_CONFIG GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_GLOBAL
GIT_ASKPASS GIT_PROXY_COMMAND GIT_EXTERNAL_DIFF GIT_PAGER GIT_EDITOR
PYTHONPATH PYTHONSTARTUP PYTHONHOME NODE_OPTIONS NODE_PATH PERL5LIB PERL5OPT RUBYOPT RUBYLIB
JAVA_TOOL_OPTIONS DOCKER_HOST
"""


@pytest.mark.parametrize("name", OBEYED.split())
def test_what_programs_obey_is_refused_in_any_case(name):
    for spelt in (name, name.lower(), name.title()):
        assert refusal_of_name(spelt).startswith(spelt)


@pytest.mark.parametrize(
    "name",
    ["TOKEN", "_", "_x9", "npm_token", "CIRCLE", "GIT_TOKEN", "LDAP_PASSWORD", "PATHS", "A" * 128],
)
def test_other_names_are_fine(name):
    assert refusal_of_name(name) == ""


@pytest.mark.parametrize(
    "name", ["", "9A", "A-B", "A B", "A=hunter2", "Ä", "A\n", "A\0", "A" * 129, "\N{KELVIN SIGN}EY"]
)
def test_what_is_no_name_is_refused_and_not_repeated(name):
    words = refusal_of_name(name)
    assert "letters, digits and _" in words
    assert not name or name not in words


@given(st.text())
def test_every_text_is_a_name_or_is_refused_in_one_line(name):
    words = refusal_of_name(name)
    assert "\n" not in words
    assert words or (name.isascii() and name.isidentifier())


def test_values_that_no_variable_holds_are_refused():
    assert refusal_of_value(b"") == "the value is empty"
    assert "NUL" in refusal_of_value(b"a\0b")
    assert str(MAX_VALUE) in refusal_of_value(b"x" * (MAX_VALUE + 1))
    assert refusal_of_value(b"x" * MAX_VALUE) == ""


def test_values_that_the_logs_will_show_are_warned_of():
    assert "a value this short" in warning_of_value(b"ab")
    assert "a value this short" in warning_of_value(b" \n\t ")
    assert "such a common word" in warning_of_value(b"True\n")
    assert warning_of_value(b"hunter2") == ""


@given(st.binary(min_size=1, max_size=8))
def test_the_warning_is_what_the_masker_does(value):
    assert (warning_of_value(value) == "") is is_maskable(value)
    assert value.decode("utf-8", "replace") not in refusal_of_value(value) or len(value) < 5
