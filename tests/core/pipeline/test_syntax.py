"""What a person is told about broken YAML, word for word."""

from __future__ import annotations

import pytest

from ci_bot.core.pipeline.keys import TOP
from tests.core.pipeline.examples import JOBS, complaints

#: The file, and what a person is told about it.
CASES: list[tuple[str, list[str]]] = [
    ("jobs:\n\tbuild: x\n", ["2:1: a tab stands in the indentation; indent with spaces"]),
    ("jobs:\n  a: b\n\tc: d\n", ["3:1: a tab stands in the indentation; indent with spaces"]),
    ("jobs:\n  a: |\n \tb\n", ["3:2: a tab stands in the indentation; indent with spaces"]),
    (
        "name: a: b\n",
        [
            '1:8: a ": " where no key can be; quote the value if the colon belongs to it; otherwise mend the indentation'
        ],
    ),
    (
        "name: a\n  image: b\n",
        [
            '2:8: a ": " where no key can be; quote the value if the colon belongs to it; otherwise mend the indentation'
        ],
    ),
    (
        "jobs:\n    a: {}\n  b: {}\n",
        [
            "3:3: this does not belong to the map above it; give the keys of one map and the items of one list the same indentation"
        ],
    ),
    (
        "jobs:\n  - a: b\n   - c\n",
        [
            "3:4: this does not belong to the list above it; give the keys of one map and the items of one list the same indentation"
        ],
    ),
    (
        "- a\nb: c\n",
        [
            "2:1: this does not belong to the list above it; give the keys of one map and the items of one list the same indentation"
        ],
    ),
    (
        "name: a\nfoo\non: push\n",
        [
            "3:1: this line is neither a key nor part of a value; add the colon and a space after the key, or indent the line"
        ],
    ),
    ("on: [push\nname: x\n", ['1:5: this "[" is not closed, or a comma is missing; close it with "]"']),
    (
        "env: {A: b\nname: x\n",
        ['1:6: this "{" is not closed, or a comma is missing; close it with "}"'],
    ),
    ("on: [push,\n", ['1:11: the file ends inside "[" or "{"; close it']),
    ("on: [", ['1:6: the file ends inside "[" or "{"; close it']),
    ("on: [push,, tag]\n", ["1:11: a value is missing here; remove the extra comma or bracket"]),
    ("on: ]\n", ["1:5: a value cannot begin like this; put the value in quotes"]),
    ("name: 'x\non: push\n", ["1:7: this quote is never closed; add the closing quote"]),
    ('name: "x\n---\n', ["1:7: this quote is never closed; add the closing quote"]),
    ("name: @x\n", ['1:7: a value cannot begin with "@"; put the value in quotes']),
    ("name: `x`\n", ['1:7: a value cannot begin with "`"; put the value in quotes']),
    ("name: %x\n", ['1:7: a value cannot begin with "%"; put the value in quotes']),
    ("name: *.py\n", ['1:8: a "*" here is YAML\'s alias and needs a name; put the value in quotes']),
    ("name: & x\n", ['1:8: a "&" here is YAML\'s anchor and needs a name; put the value in quotes']),
    (
        'name: "\\q"\n',
        ["1:8: no such escape in double quotes; use single quotes, or write the backslash twice"],
    ),
    (
        'name: "\\xg"\n',
        ["1:10: the escape lacks hexadecimal digits; use single quotes, or write the backslash twice"],
    ),
    (
        'name: "\\ud83d\\ude00"\n',
        [
            "1:10: the escape names no character; write the character itself, or \\U and its eight hexadecimal digits"
        ],
    ),
    ("name: 'a' b\n", ["1:11: text follows a finished value; quote the whole value or nothing of it"]),
    ("name: | a\n", ['1:9: text stands beside "|" or ">"; begin the text on the next line, indented']),
    ("name: - a\n", ['1:7: a "- " where no list can begin; begin the list on a line of its own']),
    ("%FOO x\n---\nname: x\n", ["1:5: this YAML directive is not supported; remove the line"]),
    ("%YAML 2.0\n---\nname: x\n", ["1:1: only YAML 1.1 and 1.2 are read; remove the %YAML line"]),
    (
        "name: !x!y b\n",
        ['1:7: a "!" here is a YAML tag, which has no meaning in this file; put the value in quotes'],
    ),
    (
        "name: !<x\n",
        ['1:10: a "!" here is a YAML tag, which has no meaning in this file; put the value in quotes'],
    ),
    ("name: !%ED%A0%80 b\n", ["1:1: a YAML tag after this is not text; remove the tag"]),
    ("...\nname: x\n", ["1:1: a value cannot begin like this; put the value in quotes"]),
    ("'a'\n'b'\n", ["2:1: the document has ended before this; remove what is left over"]),
    (
        JOBS + "---\n" + JOBS,
        ['2:1: a second YAML document begins here; remove the "---": there is one document in a file'],
    ),
    (
        JOBS + "name: a\nname: b\n",
        ['3:1: name: duplicate key "name"; the first is on line 2, column 1; keep one of them'],
    ),
    (
        "jobs:\n  a:\n    steps: [x]\n    env: {A: 1, B: 2, A: 3}\n",
        ['4:23: jobs.a.env.A: duplicate key "A"; the first is on line 4, column 11; keep one of them'],
    ),
    (
        "x-a: &a {}\n" + JOBS + "<<: *a\n<<: *a\n",
        ['4:1: "<<": duplicate key "<<"; the first is on line 3, column 1; write one <<: [*a, *b]'],
    ),
    (JOBS + "<<: x\n", ['2:5: "<<": "<<" takes a map or a list of maps, not text']),
    (JOBS + "<<: [{}, x]\n", ['2:10: "<<": "<<" takes a map or a list of maps, not text']),
    (
        JOBS + "[a]: b\n",
        [
            '2:1: a key must be text, not a list; quote the value if it is meant to begin with "{" or "["'
        ],
    ),
    (
        JOBS + "{a: b}: c\n",
        ['2:1: a key must be text, not a map; quote the value if it is meant to begin with "{" or "["'],
    ),
    (
        JOBS + "name: *nmae\nx-a: &name b\n",
        ['2:7: name: no anchor "&nmae" above; did you mean "name"?'],
    ),
    (
        "x-a: &comon b\n" + JOBS + "name: *common\n",
        ['3:7: name: no anchor "&common" above; did you mean "comon"?'],
    ),
    ("jobs: &a\n  b: *a\n", ['2:6: jobs.b: alias "a" stands inside what it names']),
    (
        JOBS + "name: !!str 1\n",
        [
            '2:7: name: YAML tag "!!str" is not supported; put the value in quotes if the "!" belongs to it; otherwise remove the tag'
        ],
    ),
    (
        JOBS + "env: !!python/object:os.system {}\n",
        [
            '2:6: env: YAML tag "!!python/object:os.system" is not supported; put the value in quotes if the "!" belongs to it; otherwise remove the tag'
        ],
    ),
    (
        JOBS + "on: !x [push]\n",
        [
            '2:5: on: YAML tag "!x" is not supported; put the value in quotes if the "!" belongs to it; otherwise remove the tag'
        ],
    ),
    ("x-a: " + "[" * 41 + "]" * 41 + "\n", ["1:45: nested deeper than 40 levels; flatten it"]),
    (
        "x-a: &a " + "[" * 39 + "]" * 39 + "\nx-b: [*a]\n",
        ["2:7: nested deeper than 40 levels; flatten it"],
    ),
    (
        "x-a: [" + "a," * 10000 + "]\n",
        ["1:20001: more than 10,000 keys and values, aliases counted in full; repeat less by aliases"],
    ),
    (
        "x-a: &a [x,x,x,x,x,x,x,x,x,x]\nx-b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nx-c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nx-d: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
        ["4:28: more than 10,000 keys and values, aliases counted in full; repeat less by aliases"],
    ),
    ("name: a\x00b\n", ["1:8: control character U+0000; remove it"]),
    (
        "name: \x9b\n",
        ['1:7: control character U+009B; remove it, or write it as "\\x9b" in double quotes'],
    ),
    ("name: a\x85b\n", ["1:8: invisible character U+0085; remove it"]),
    ("name: a\u2028jobs: x\n", ["1:8: invisible character U+2028; remove it"]),
    ("name: a\n\ufeffjobs: x\n", ["2:1: invisible character U+FEFF; remove it"]),
    (
        "name:\xa0x\n\xa0image: y\n",
        [
            '2:7: a ": " where no key can be; quote the value if the colon belongs to it; otherwise mend the indentation'
        ],
    ),
    ("name: {a: '😀é', b: @}\n", ['1:20: a value cannot begin with "@"; put the value in quotes']),
    (
        "name: a\r\nimage: B\r\n",
        [
            '1:1: "jobs" is missing; the least there can be is jobs: {build: {steps: [make test]}}',
            '2:8: image: "B" is not an image: the name must be in lower case; write "b"',
        ],
    ),
    (
        JOBS + '"\\u202eeman": x\n',
        [
            f'2:1: "\\u202eeman": unknown key "\\u202eeman"; known at the top of the file: {", ".join(TOP.works)}'
        ],
    ),
]


@pytest.mark.parametrize(("text", "told"), CASES, ids=[text[:40] for text, _ in CASES])
def test_each_break_is_told_in_words(text: str, told: list[str]) -> None:
    assert complaints(text) == told
