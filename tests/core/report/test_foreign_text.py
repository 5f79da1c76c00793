"""Whatever others wrote, the forge shows it as text: checked with a Markdown parser, on anything."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ci_bot.core.markdown import clip, code, document, escaped, fenced, one_line, table, title
from ci_bot.core.model import LogRef, Problem, RunKind, Verdict
from ci_bot.core.report import checks, comment
from ci_bot.core.report.values import MAX_MARKDOWN
from ci_bot.core.states import Status
from tests.core.report.samples import T0, job, link, run, step

GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OUR_HTML = re.compile(r"</?code>|<!-- ci-bot:pull:github:1296269:\d+ -->\n?")
ACTIVE = re.compile(r"@[\w-]|[#!]\d|\bGH-\d|://|\bwww\.", re.IGNORECASE)
OUR_LINKS = re.compile(r"https://ci\.example/runs/[\w./-]*")
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)

NASTY = [
    "@octocat",
    "@octo/team",
    "a@b.example",
    "fixes #1",
    "octo/app#12",
    "GH-7",
    "!5",
    "https://evil.example/x",
    "www.evil.example",
    "<script>alert(1)</script>",
    "<!-- -->",
    "<https://evil.example>",
    "[a](http://b)",
    "![a](http://b)",
    "[a]: http://b",
    "```",
    "~~~",
    "`",
    "|",
    "\\|",
    "\\",
    "\n",
    "\n\n# h",
    "- x",
    "1. x",
    "> x",
    "&#64;octocat",
    "&amp;",
    "*b*",
    "_i_",
    "__b__",
    "~~s~~",
    "$x$",
    "\r",
    "\u202e",
    "\u2028",
    "\x1b[31m",
    "\x00",
    "\ud800",
    "---",
    "===",
    "| --- |",
    "    code",
    "\t",
    "</code>",
    "ü",
    "😀",
]
anything = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=8).map("".join)
lines = anything | st.text(max_size=400)


def tokens(markdown):
    for token in GFM.parse(markdown):
        yield token
        yield from token.children or ()


def assert_harmless(markdown):
    """Nothing but text and code, our own links and our own HTML; and every block is closed."""
    inside = ""
    for token in tokens(markdown):
        assert token.type != "image", token
        if token.type == "link_open":
            assert OUR_LINKS.fullmatch(str(token.attrs["href"])), token
        if token.type in ("html_block", "html_inline"):
            assert OUR_HTML.fullmatch(token.content), token
            inside = token.content
        if token.type == "text" and inside != "<code>":
            assert not ACTIVE.search(token.content), token
    assert not HIDDEN.search(markdown)


@given(lines)
def test_text_stays_text_wherever_it_stands(text):
    for markdown in (escaped(text), f"- {escaped(text)}", f"**x {escaped(text)}**: y"):
        assert_harmless(markdown)
        kinds = {token.type for token in tokens(markdown)}
        assert not kinds & {
            "heading_open",
            "hr",
            "code_inline",
            "code_block",
            "fence",
            "em_open",
            "s_open",
        }
    shown = "".join(token.content for token in tokens(escaped(text)) if token.type == "text")
    assert shown.replace("\u200b", "") == clip(one_line(text), 500).replace("\u200b", "")


@given(lines)
def test_code_shows_exactly_the_text(text):
    shown = one_line(text) or "(empty)"
    if "|" not in shown:
        spans = [token.content for token in tokens(code(text, 1000)) if token.type == "code_inline"]
        assert spans == [shown]
    assert_harmless(code(text))


short = anything.filter(lambda text: len(one_line(text)) < 90 and "\u200b" not in text)


@given(st.lists(st.tuples(short, short), max_size=5))
def test_a_table_keeps_its_shape(cells):
    markdown = table(("a", "b"), [(code(one), escaped(other)) for one, other in cells])
    assert_harmless(markdown)
    parsed = GFM.parse(markdown)
    assert parsed[-1].type == "table_close"
    shown = [_shown(token) for token in parsed if token.type == "inline"][2:]
    assert shown == [
        one_line(text) or empty
        for row in cells
        for text, empty in zip(row, ("(empty)", ""), strict=True)
    ]


def _shown(inline):
    texts = [token.content for token in inline.children if token.type in ("text", "code_inline")]
    return "".join(texts).replace("\u200b", "")


@given(lines)
def test_a_fence_holds_whatever_is_in_it(text):
    text = text.replace("\r", "").replace("\0", "")
    parsed = GFM.parse(fenced(text) + "\n\nafter")
    assert parsed[0].type == "fence"
    assert parsed[0].content == f"{text}\n"
    assert parsed[2].content == "after"


@given(st.text(max_size=600))
def test_a_title_is_one_short_line(text):
    shown = title(text)
    assert len(shown) <= 255
    assert not ACTIVE.search(shown)
    assert not HIDDEN.search(shown)
    assert "\n" not in shown


@given(st.lists(st.text("a`ü😀", max_size=300), max_size=20, unique=True), st.integers(200, 900))
def test_a_document_is_cut_between_blocks_and_says_how_much(texts, limit):
    whole = document(map(fenced, texts), limit)
    assert len(whole.encode()) <= limit
    kept = {token.content.removesuffix("\n") for token in tokens(whole) if token.type == "fence"}
    left_out = sum(len(fenced(text)) for text in texts if text not in kept)
    assert (f"_{left_out:,} characters" in whole) == (left_out > 0)


a_step = st.builds(
    lambda name, status, reason, size, tolerated, line: step(
        0, name, status, reason, log_bytes=size, tolerated=tolerated, line=line
    ),
    lines,
    st.sampled_from(Status),
    lines,
    st.sampled_from([0, 5, 10**9]),
    st.booleans(),
    st.integers(0, 9),
)
a_job = st.builds(
    lambda key, name, status, steps, reason, needs, attempt: job(
        key,
        status,
        tuple(replace(one, index=index) for index, one in enumerate(steps)),
        reason,
        name=name,
        needs=needs,
        attempt=attempt,
    ),
    st.sampled_from("abcdef"),
    lines,
    st.sampled_from(Status),
    st.lists(a_step, min_size=1, max_size=4),
    lines,
    st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
    st.integers(1, 3),
)
a_problem = st.builds(Problem, lines, lines, st.integers(0, 9), st.integers(0, 9), lines, lines)
a_run = st.builds(
    lambda id, jobs, kind, verdict, reason, problems, superseded, ref, pull, at: run(
        *(jobs if verdict is Verdict.PLANNED else ()),
        kind=kind,
        verdict=verdict,
        reason=reason,
        problems=tuple(problems) if verdict is Verdict.CONFIG_BROKEN else (),
        superseded=superseded,
        id=id,
        ref=ref,
        pull=pull,
        created_at=T0 + at,
    ),
    st.sampled_from(["r1", "r2", "r3"]),
    st.lists(a_job, max_size=4, unique_by=lambda one: one.key),
    st.sampled_from(RunKind),
    st.sampled_from(Verdict),
    lines,
    st.lists(a_problem, max_size=4),
    st.booleans(),
    lines,
    st.integers(1, 2),
    st.integers(0, 2),
)
some_runs = st.lists(a_run, min_size=1, max_size=3, unique_by=lambda one: one.id)
output = st.binary(max_size=500) | anything.map(lambda text: text.encode("utf-8", "replace"))


@settings(max_examples=80, deadline=None)
@given(some_runs, output)
def test_any_runs_make_harmless_reports_within_the_limits(runs, log):
    tails = {
        LogRef(one.id, index): log
        for each in runs
        for one in each.jobs
        for index in range(len(one.steps))
    }
    reports = checks(runs, tails, link)
    assert len({report.name for report in reports}) == len(reports)
    for report in reports:
        assert (report.conclusion is None) == (report.state != "completed")
        assert "\n" not in report.name
        assert not HIDDEN.search(report.name + report.title)
        assert len(report.title) <= 255
        assert not ACTIVE.search(report.title)
        assert len(report.annotations) <= 50
        for markdown in (report.summary, report.text):
            assert len(markdown.encode()) <= MAX_MARKDOWN
            assert_harmless(markdown)
    pulls = [each for each in runs if each.pull]
    told = comment(pulls, tails, link, known=True)
    assert (told is None) == (not pulls)
    if told:
        assert len(told.body.encode()) <= MAX_MARKDOWN
        assert told.body.startswith(told.marker + "\n")
        assert_harmless(told.body)


def test_a_huge_run_fits():
    loud = b"```\x00\xff" * 4000
    broad = "`|\\*" * 200
    steps = tuple(step(index, broad, Status.FAILED, broad, log_bytes=10**7) for index in range(100))
    many = [job(f"j{number}", Status.FAILED, steps[:3], broad, name=broad) for number in range(256)]
    runs = [run(*many, job("long", Status.FAILED, steps, broad))]
    tails = {LogRef("long-1", index): loud for index in range(100)}
    reports = checks(runs, tails, link)
    for report in reports:
        assert len(report.summary.encode()) <= MAX_MARKDOWN
        assert len(report.text.encode()) <= MAX_MARKDOWN
    for report in (reports[0], reports[1], reports[-1]):
        assert_harmless(report.summary)
        assert_harmless(report.text)
    told = comment(runs, tails, link, known=False)
    assert told is not None
    assert "- and 247 more" in told.body


def test_many_problems_are_counted():
    problems = tuple(Problem(".ci.yaml", "x", line, 1, "wrong") for line in range(1, 400))
    (report,) = checks([run(verdict=Verdict.CONFIG_BROKEN, problems=problems)], {}, link)
    assert len(report.annotations) == 50
    assert "- and 299 more" in report.summary
    assert report.title == ".ci.yaml has 399 errors"


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.READY, Status.RUNNING])
def test_a_matrix_of_256_cells_stays_within_the_limits(status: Status) -> None:
    """Values of three bytes a character: what is counted are bytes."""
    cells = [
        replace(
            job(f"test({number},{'x' * 100})", status, name=f"test ({number}, {'語' * 180})"),
            group="test",
            waits="waits for other cells: " + "語" * 100,
        )
        for number in range(256)
    ]
    reports = checks([run(*cells)], {}, link)
    assert len(reports) == (257 if status is Status.FAILED else 1)
    for report in reports:
        assert len(report.summary.encode()) <= MAX_MARKDOWN
        assert len(report.text.encode()) <= MAX_MARKDOWN
        assert len(report.name) <= 255
        assert len(report.title) <= 255
    assert len({report.name for report in reports}) == len(reports)
