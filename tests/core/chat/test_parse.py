"""What is a command and what is only like one: the line itself, its words, and where lines end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.chat import NAMES, Command, parse

RETRY = Command("retry")

COMMANDS = {
    "alone": ("/retry", [RETRY]),
    "cancel": ("/cancel", [Command("cancel")]),
    "run": ("/run lint", [Command("run", ("lint",))]),
    "approve": ("/approve", [Command("approve")]),
    "why": ("/why test", [Command("why", ("test",))]),
    "help": ("/help", [Command("help")]),
    "line feed after": ("/retry\n", [RETRY]),
    "CRLF after": ("/retry\r\n", [RETRY]),
    "CR after": ("/retry\r", [RETRY]),
    "blank lines before": ("\n\n  \n/retry", [RETRY]),
    "space after": ("/retry ", [RETRY]),
    "many spaces after": ("/retry    \n\nthanks", [RETRY]),
    "tab after": ("/retry\t", [RETRY]),
    "one space before": (" /retry", [RETRY]),
    "three spaces before": ("   /retry", [RETRY]),
    "one word": ("/retry test", [Command("retry", ("test",))]),
    "two words": ("/retry unit lint", [Command("retry", ("unit", "lint"))]),
    "spaces between": ("/retry    test", [Command("retry", ("test",))]),
    "tabs between": ("/retry\ttest\t\tlint", [Command("retry", ("test", "lint"))]),
    "words of a sentence": ("/run the tests", [Command("run", ("the", "tests"))]),
    "option": ("/retry --all", [Command("retry", ("--all",))]),
    "assignment": ("/run os=linux", [Command("run", ("os=linux",))]),
    "underscores": ("/retry build_all_x", [Command("retry", ("build_all_x",))]),
    "version": ("/retry test (3.11, linux)", [Command("retry", ("test", "(3.11,", "linux)"))]),
    "brackets": ("/retry test[3.11]", [Command("retry", ("test[3.11]",))]),
    "one star": ("/run test-*", [Command("run", ("test-*",))]),
    "quotes": ('/retry "unit tests"', [Command("retry", ('"unit', 'tests"'))]),
    "slash": ("/run a/b", [Command("run", ("a/b",))]),
    "number of an issue": ("/why #12", [Command("why", ("#12",))]),
    "umlaut": ("/retry prüfung", [Command("retry", ("prüfung",))]),
    "cyrillic": ("/retry тест", [Command("retry", ("тест",))]),
    "japanese": ("/retry テスト", [Command("retry", ("テスト",))]),
    "emoji": ("/retry 🚀", [Command("retry", ("🚀",))]),
    "two": ("/retry\n/cancel", [RETRY, Command("cancel")]),
    "two with CRLF": (
        "/retry a\r\n/cancel b\r\n",
        [Command("retry", ("a",)), Command("cancel", ("b",))],
    ),
    "two with CR": ("/retry a\r/cancel b\r", [Command("retry", ("a",)), Command("cancel", ("b",))]),
    "two with hard breaks": ("/retry  \n/cancel", [RETRY, Command("cancel")]),
    "twice the same": ("/retry\n\n/retry", [RETRY, RETRY]),
    "names of jobs alike": (
        "/retry a_b\n/retry c_d\n/retry e_f",
        [Command("retry", ("a_b",)), Command("retry", ("c_d",)), Command("retry", ("e_f",))],
    ),
    "among unknown ones": ("/lgtm\n/retry\n/label x", [RETRY]),
    "text before": ("Flaky again.\n/retry", [RETRY]),
    "text after": ("/retry\nthanks!", [RETRY]),
    "text around": ("Flaky.\n/retry\nThanks.", [RETRY]),
    "paragraphs around": ("Flaky.\n\n/retry\n\nThanks.", [RETRY]),
    "after a hard break": ("Flaky.\\\n/retry", [RETRY]),
    "indented in a paragraph": ("Flaky.\n   /retry", [RETRY]),
}

NO_COMMANDS = {
    "nothing": "",
    "blanks": " \t\r\n ",
    "slash": "/",
    "slash and space": "/ retry",
    "word": "retry",
    "two slashes": "//retry",
    "backslash": "\\retry",
    "after a word": "please /retry",
    "after a full stop": ". /retry",
    "after a mention": "@ci-bot /retry",
    "unknown": "/lgtm",
    "path": "/etc/passwd",
    "path to a name": "/retry/test",
    "longer": "/retrying",
    "shorter": "/retr",
    "with a colon": "/retry:",
    "with a comma": "/retry, please",
    "with a full stop": "/retry.",
    "with a bang": "/retry!",
    "upper case": "/RETRY",
    "title case": "/Retry",
    "four spaces before": "    /retry",
    "four spaces before, in a paragraph": "x\n    /retry",
    "tab before": "\t/retry",
    "space and tab before": " \t/retry",
    "cyrillic e": "/r\u0435try",
    "cyrillic all": "/\u0441\u0430n\u0441\u0435l",
    "kelvin sign": "/\u212aretry",
    "long s": "/cance\u017f",
    "fullwidth letters": "/\uff52\uff45\uff54\uff52\uff59",
    "fullwidth slash": "\uff0fretry",
    "division slash": "\u2215retry",
    "fraction slash": "\u2044retry",
    "big solidus": "\u29f8retry",
    "combining solidus": "\u0338retry",
    "combining accent": "/retry\u0301",
    "dotless i": "/why\u0131",
    "mathematical letters": "/\U0001d42b\U0001d41e\U0001d42d\U0001d42b\U0001d432",
    "escaped slash": "\\/retry",
    "escape within": "/re\\try",
    "escape at the end": "/retry\\\nx",
    "escape in a word": "/retry a\\_b",
    "decimal entity": "&#47;retry",
    "hexadecimal entity": "&#x2F;retry",
    "named entity": "&sol;retry",
    "entity within": "/r&#101;try",
    "entity as a space": "/retry&#32;test",
    "entity in a word": "/retry a&amp;b",
    "entity as a line end": "x&#10;/retry",
    "code in a word": "/retry `test`",
    "emphasis in a word": "/retry *test*",
    "strong": "/retry __test__",
    "struck": "/retry ~test~",
    "formula": "/retry $x$",
    "tag in a word": "/retry <b>test</b>",
    "comment after": "/retry <!-- not really -->",
    "link in a word": "/retry [test](https://example.com)",
    "address in brackets": "/retry <https://example.com>",
    "line tabulation": "/retry\x0btest",
    "form feed": "/retry\x0c",
    "NUL": "/retry\x00",
    "NUL before": "\x00/retry",
    "escape character": "/retry \x1b[31m",
    "delete": "/retry \x7f",
    "next line": "/retry\x85test",
    "no-break space": "/retry\u00a0test",
    "no-break space before": "\u00a0/retry",
    "ideographic space": "/retry\u3000test",
    "thin space after": "/retry\u2009",
    "zero width space": "/retry\u200b",
    "zero width joiner": "/retry te\u200dst",
    "word joiner": "/re\u2060try",
    "soft hyphen": "/re\u00adtry",
    "byte order mark": "\ufeff/retry",
    "right to left": "/retry \u202etset",
    "isolate": "/retry \u2066test\u2069",
    "tag characters": "/retry \U000e0061\U000e0062",
    "hangul filler": "/retry \u3164",
    "braille blank": "/retry \u2800",
    "variation selector": "/retry x\ufe0f",
    "grapheme joiner": "/retry x\u034f",
    "lone surrogate": "/retry \ud800",
    "private use": "/retry \ue000",
    "noncharacter": "/retry \uffff",
    "line separator before": "x\u2028/retry",
    "line separator after": "/retry\u2028x",
    "paragraph separator before": "x\u2029/retry",
    "next line before": "x\x85/retry",
    "line tabulation before": "x\x0b/retry",
    "form feed before": "x\x0c/retry",
    "file separator before": "x\x1c/retry",
    "group separator before": "x\x1d/retry",
    "record separator before": "x\x1e/retry",
    "prefix of another bot": "/bot retry",
    "longer than a paragraph may be": "/retry " + "a" * 3000,
}


@pytest.mark.parametrize(("body", "commands"), COMMANDS.values(), ids=COMMANDS)
def test_a_line_of_its_own_is_a_command(body, commands):
    assert parse(body) == tuple(commands)


@pytest.mark.parametrize("body", NO_COMMANDS.values(), ids=NO_COMMANDS)
def test_anything_else_is_none(body):
    assert parse(body) == ()
    assert parse(f"Some text.\n\n{body}\n\nSome text.") == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_known(name):
    assert parse(f"/{name}") == (Command(name),)


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        ("/ci retry", [RETRY]),
        ("/ci\tretry  test ", [Command("retry", ("test",))]),
        ("/ci retry\n/ci cancel", [RETRY, Command("cancel")]),
        ("/retry", []),
        ("/ci", []),
        ("/ci ", []),
        ("/ci /retry", []),
        ("/ci ci retry", []),
        ("/CI retry", []),
        ("/ci-retry", []),
        ("/ciretry", []),
        ("ci retry", []),
        ("> /ci retry", []),
        ("/ci lgtm", []),
    ],
)
def test_with_a_prefix(body, commands):
    assert parse(body, "ci") == tuple(commands)


@pytest.mark.parametrize("body", ["/ci retry test", "/retry test"])
def test_two_spellings_may_count_at_once(body):
    assert parse(body, "ci", "") == (Command("retry", ("test",)),)
    assert parse(f"/other {body}", "ci", "") == ()


def test_without_a_prefix_one_is_no_command():
    assert parse("/ci retry") == ()


TEXT = st.text(
    st.one_of(
        st.sampled_from("/retry \t\r\n`~*_[]()<>!-=+#&;\\\"'|:$.1a\0\x0b\x85\u2028"),
        st.characters(),
        st.characters(categories=["Cs"]),
    ),
    max_size=60,
)
LINES = st.lists(
    st.one_of(
        TEXT, st.sampled_from(["", "/retry", "/cancel a", "   /why", "text", "```", "> x", "- x"])
    ),
    max_size=12,
)


@given(TEXT | LINES.map("\n".join), st.sampled_from(["", "ci", "$", "retry", "\ud800"]))
def test_any_text_is_read(body, prefix):
    for command in parse(body, prefix):
        assert command.name in NAMES
        assert all(word and not any(c.isspace() for c in word) for word in command.args)


@given(TEXT | LINES.map("\n".join))
def test_a_command_is_a_line_of_the_text_as_it_stands(body):
    lines = [
        line.split()
        for line in body.replace("\r", "\n").split("\n")
        if line.lstrip(" ").startswith("/")
    ]
    for command in parse(body):
        assert [f"/{command.name}", *command.args] in lines


@given(LINES)
def test_all_line_ends_are_alike(lines):
    lines = [line.replace("\r", "").replace("\n", "") for line in lines]
    expected = parse("\n".join(lines))
    assert parse("\r\n".join(lines)) == expected
    assert parse("\r".join(lines)) == expected


@given(st.lists(st.sampled_from(["", "/retry", "/cancel a", "   /why", "text", "> x"])), st.data())
def test_blanks_at_the_ends_of_lines_mean_nothing(lines, data):
    blanks = st.sampled_from(["", " ", "  ", "\t", " \t "])
    assert parse("\n".join(line + data.draw(blanks) for line in lines)) == parse("\n".join(lines))


@given(st.lists(st.sampled_from(list(COMMANDS)), max_size=6))
def test_paragraphs_do_not_know_of_each_other(names):
    chosen = [COMMANDS[name] for name in names]
    body = "\n\n".join(text for text, _ in chosen)
    assert parse(body) == tuple(command for _, commands in chosen for command in commands)
