"""Where a command counts: in plain sight, and nowhere that a reader may not see it as the comment's text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.chat import Command, parse
from ci_bot.core.chat.visible import MAX_CHARACTERS, MAX_INLINE, MAX_LINES, MAX_PARAGRAPH, visible

QUOTES_AND_LISTS = {
    "quote": "> /retry",
    "quote without a space": ">/retry",
    "indented quote": "   > /retry",
    "second line of a quote": "> x\n> /retry",
    "lazy line of a quote": "> x\n/retry",
    "nested quote": "> > /retry",
    "alert": "> [!NOTE]\n> /retry",
    "bullet": "- /retry",
    "star": "* /retry",
    "plus": "+ /retry",
    "number": "1. /retry",
    "number with a bracket": "1) /retry",
    "lazy line of an item": "- x\n/retry",
    "second paragraph of an item": "- x\n\n  /retry",
    "item that begins on the next line": "-\n  /retry",
    "item below an empty one": "-\n   \n   /retry",
    "task": "- [ ] /retry",
    "done task": "- [x] x\n  /retry",
    "quote in a list": "- > /retry",
    "list in a quote": "> - /retry",
    "deep": "> " * 50 + "/retry",
    "lazy line below a far quote": "> x\n\t>\n/retry",
    "lazy line below a link's address": "- [x]: u\n/retry",
}

HEADINGS_AND_TABLES = {
    "heading": "# /retry",
    "heading with dashes": "/retry\n---",
    "heading with one dash": "/retry\n-",
    "heading with equals signs": "/retry\n===",
    "heading of two lines": "/retry\nx\n---",
    "front matter": "---\n/retry\n---",
    "head of a table": "| /retry |\n|---|",
    "head without bars": "/retry\n|-|",
    "head without any bar": "/retry\n:-",
    "row of a table": "|a|\n|-|\n|/retry|",
    "row without bars": "|a|b|\n|-|-|\n/retry",
    "row of one column without any bar": "a\n:-\n/retry",
    "row below text": "x\n|a|\n|-|\n/retry",
    "rule with form feeds": "/retry\n-|-\x0c",
}

CODE = {
    "indented": "    /retry",
    "indented by a tab": "\t/retry",
    "fence": "```\n/retry\n```",
    "fence of tildes": "~~~\n/retry\n~~~",
    "fence of a language": "```sh\n/retry\n```",
    "mathematics": "```math\n/retry\n```",
    "suggestion": "```suggestion\n/retry\n```",
    "longer fence": "````\n```\n/retry\n```\n````",
    "fence that never ends": "```\n/retry",
    "fence that never ends, over paragraphs": "```\nx\n\n/retry\n\nx",
    "fence ended by the wrong characters": "```\n~~~\n/retry",
    "fence ended by too few": "````\n```\n/retry",
    "fence ended with words": "```\n``` x\n/retry",
    "indented fence": "   ```\n/retry\n   ```",
    "fence in a list": "- ```\n  /retry\n  ```",
    "fence that looks like a table": "```a|b\n-|-\n\n/retry\n\n```",
    "span": "`/retry`",
    "span over lines": "`a\n/retry\nb`",
    "span of two marks over lines": "``a\n`\n/retry\nb``",
    "span from the line before": "`a\n/retry`",
    "span that begins in the line": "/retry `a\nb`",
    "spans before and after": "`a`\n/retry\n`b`",
}

LINKS = {
    "text of a link": "[a\n/retry\nb](https://example.com)",
    "text of an image": "![a\n/retry\nb](https://example.com/x.png)",
    "address of a link": "[a](\n/retry\n)",
    "address of an image": "![a](\n/retry\n)",
    "address and title": '[a](\n/retry "x")',
    "title of a link": '[a](b "c\n/retry\nd")',
    "title in single quotes": "[a](b 'c\n/retry\nd')",
    "title in brackets": "[a](b (c\n/retry\nd))",
    "title of an image": '![a](b "c\n/retry\nd")',
    "title below a script": '[a](javascript:x "c\n/retry\nd")',
    "address after a form feed": "[a](\x0c\n/retry\n)",
    "reference": "[a\n/retry\nb][x]\n\n[x]: https://example.com",
    "collapsed reference": "![a\n/retry\nb][]",
    "definition": "[x]: /retry",
    "address of a definition": "[x]:\n/retry",
    "address and title of a definition": "[x]:\n/retry 'y'",
    "title of a definition": '[x]: u "\n/retry\n"',
    "title of a definition on the next line": "[x]: u\n'\n/retry\n'",
    "title in brackets of a definition": "[x]: u (\n/retry\n)",
    "definition of a script": '[x]: javascript:a "\n/retry\n"',
    "definition of data": '[x]: data:a "\n/retry\n"',
    "definition of a blank name": "[\u00a0]:\n/retry",
    "name of a definition": "[x\n/retry\n]: u",
    "below a definition": "[x]: u\n\n/retry",
    "below code below a definition": "[x]: u\n\t<details>\n\n/retry",
    "autolink": "<https://example.com\n/retry\n>",
}

EMPHASIS = {
    "emphasis": "*a\n/retry\nb*",
    "underscores": "_a\n/retry\nb_",
    "strong": "**a\n/retry\nb**",
    "strong of underscores": "__a\n/retry\nb__",
    "both": "***a\n/retry\nb***",
    "the line alone": "*\n/retry*",
    "ends in the line": "*a\n/retry b*",
    "begins in the line": "/retry *a\nb*",
    "struck out": "~~a\n/retry\nb~~",
    "struck out by one": "~a\n/retry\nb~",
    "ends in a declaration": "**a\n/retry\n<!x**",
    "looked past a tilde": "__( \n/retry\n__~\n!__",
    "formula": "$a\n/retry\nb$",
    "formula with marks": "$`a\n/retry\nb`$",
    "block of mathematics": "$$\n/retry\n$$",
    "block of mathematics over paragraphs": "$$\n\n/retry\n\n$$",
    "beside mathematics": "$$x$$\n/retry",
    "before mathematics": "/retry\n$$x$$",
}

COMMENTS = {
    "comment": "<!-- /retry -->",
    "comment over lines": "<!--\n/retry\n-->",
    "comment over paragraphs": "<!--\n\n/retry\n\n-->",
    "comment that never ends": "<!--\n\n/retry",
    "comment in a paragraph": "x <!--\n/retry\n-->",
    "comment from the line before": "x <!-- y\n/retry -->",
    "comment of two dashes": "<!-- -- \n\n/retry\n\n-->",
    "comment as a table": "<!-- a|b\n-|-\n\n/retry\n\n-->",
    "comment that is none for all": "x <!-- -- <div> -->\n\n/retry",
    "comment that ends at once": "<div>\n<!--><div> -->\n</div>\n\n/retry",
    "comment in a comment": "<!-- <!-- -->\n/retry -->",
    "instruction": "<?x\n\n/retry\n\n?>",
    "declaration": "<!X\n/retry\n>",
    "declaration in lower case": "/retry\n<!x\n- \n",
    "character data": "<![CDATA[\n\n/retry\n\n]]>",
    "comment ended otherwise": "<!-- --!>\n<details>\n<!-- -->\n\n/retry",
    "instruction ended otherwise": "<? ><details> ?>\n\n/retry",
}

HTML = {
    "details": "<details>\n\n/retry\n\n</details>",
    "details with a summary": "<details><summary>x</summary>\n\n/retry\n\n</details>",
    "details and text": "<details>\n/retry\n</details>",
    "details that never end": "<details>\n\n/retry",
    "open details": "<details open>\n\n/retry\n\n</details>",
    "upper case": "<DETAILS>\n\n/retry\n\n</DETAILS>",
    "details closed in themselves": "<details/>\n\n/retry",
    "details in a paragraph": "x <details>\n\n/retry\n\n</details>",
    "details over lines": "<details\nopen>\n\n/retry",
    "details with an attribute": "<details title='>'>\n\n/retry",
    "details of a half tag": "<details\n\n>\n\n/retry",
    "details in details": "<details><details>\n\n</details>\n\n/retry\n\n</details>",
    "details ended in code": "<details>\n\n`</details>`\n\n/retry",
    "details ended in a fence": "<details>\n\n```\n</details>\n```\n\n/retry",
    "details ended in a comment": "<details>\n<!-- </details> -->\n\n/retry",
    "details ended in an attribute": "<details title='</details>'>\n\n/retry",
    "details ended in a title": 'x <details> [a](b "</details>")\n\n/retry',
    "details ended in a title of a script": 'x <details> [a](javascript:x "</details>")\n\n/retry',
    "details ended in a cell": "<details>\n\n|a|\n|-|\n|</details>|\n\n/retry",
    "details ended in a quote": "<details>\n\n> </details>\n\n/retry",
    "details ended by another": "<details>\n</div>\n\n/retry",
    "details ended crosswise": "<details><table><td></details></td></table>\n\n/retry",
    "details ended with a form feed": "<details>\n\n</details\x0c>\n\n/retry",
    "details ended with a no-break space": "<details>\n\n</details\u00a0>\n\n/retry",
    "details out of a quote": "> </blockquote><details>\n\n/retry",
    "details out of a list": "- </li></ul><details>\n\n/retry",
    "details out of a list, indented": "-    a\n\t</li></ul><details>\n\n/retry",
    "details in what may be a code span": "`<details>`\n\n/retry",
    "details below a fence in an empty item": "- \n   \n   ```\n<details>\n```\n\n/retry",
    "details below a fence in a lazy item": "- [x]: u\ntext\n\n  ```\n<details>\n```\n\n/retry",
    "details in a fence of a block of source": "<source> x\n```\n<details>\n```\n\n/retry",
    "details ended in code after search": "<search>x\n<details>` </details>`\n\n/retry",
    "details below a fence in an item below a table": "x\n:-\ny\n- \n   ```\n<details>\n```\n\n/retry",
    "div behind an address": "<javascript:`> <div> `\n\n/retry",
    "div ended in code after a no-break space": "<b>\u00a0\n<div>` </div>`</b>\n\n/retry",
    "details behind an address": "<javascript:`> <details> `\n\n/retry",
    "comment in a lazy line": "> a\n<br>\nx <!--\n\n/retry\n\n-->",
    "annotation": "<ruby>x<rp>\n\n/retry\n\n</rp></ruby>",
    "div": "<div>\n\n/retry\n\n</div>",
    "div and text": "<div>\n/retry\n</div>",
    "div that never ends": "<div>\n\n/retry",
    "hidden div": "<div hidden>\n\n/retry\n\n</div>",
    "span": "<span>\n\n/retry\n\n</span>",
    "span in a paragraph": "x <span>\n/retry\n</span>",
    "span that never ends": "x <span>\n/retry",
    "span over paragraphs": "x <span>\n\n/retry",
    "bold": "<b>x\n/retry\n</b>",
    "small": "x <sub>\n/retry\n</sub>",
    "custom element": "<x-y>\n\n/retry\n\n</x-y>",
    "in an attribute": 'x <a title="\n/retry\n">y</a>',
    "in an attribute of a picture": '<img alt="\n/retry\n">',
    "in an attribute of an unknown one": 'x <string a="\n/retry\n">',
    "right below a picture": "<img src='x'>\n/retry",
    "right below a line break": "<br>\n/retry",
    "right below an end": "<div>\n</div>\n/retry",
    "end without a beginning": "</div>\n\n/retry",
    "preformatted": "<pre>\n/retry\n</pre>",
    "preformatted over paragraphs": "<pre>\n\n/retry\n\n</pre>",
    "script": "<script>\n\n/retry\n\n</script>",
    "style": "<style>\n\n/retry\n\n</style>",
    "text area": "<textarea>\n\n/retry\n\n</textarea>",
    "title": "<title>\n\n/retry\n\n</title>",
    "template": "<template>\n\n/retry\n\n</template>",
    "selection": "<select>\n\n/retry\n\n</select>",
    "drawing": "<svg>\n\n/retry\n\n</svg>",
    "table": "<table><tr><td>\n\n/retry\n\n</td></tr></table>",
    "item": "<ul><li>\n\n/retry\n\n</li></ul>",
    "quote": "<blockquote>\n\n/retry\n\n</blockquote>",
    "paragraph": "<p>\n\n/retry\n\n</p>",
    "heading": "<h1>\n\n/retry\n\n</h1>",
    "centre": '<p align="center">\n\n/retry',
}

FOLDED = {
    "footnote": "[^x]: a\n/retry",
    "only a footnote": "[^x]: /retry",
    "paragraph of a footnote": "[^x]: a\n\n    b\n\n/retry",
    "footnote in a quote": "> [^x]: a\n\n/retry",
    "footnote further down in the paragraph": "/retry\n[^x]: a",
    "signature": "-- \n/retry",
    "below a signature": "Thanks\n\n-- \nMona\n\n/retry",
    "right above a signature": "/retry\n-- \nMona",
}

HIDDEN = {
    f"{kind}: {name}": body
    for kind, bodies in {
        "quotes and lists": QUOTES_AND_LISTS,
        "headings and tables": HEADINGS_AND_TABLES,
        "code": CODE,
        "links": LINKS,
        "emphasis": EMPHASIS,
        "comments": COMMENTS,
        "html": HTML,
        "folded": FOLDED,
    }.items()
    for name, body in bodies.items()
}

SHOWN = {
    "after a quote": "> x\n\n/retry",
    "after a quote of a command": "> /cancel\n\n/retry",
    "after a quote of details": "> <details>\n>\n> x\n>\n> </details>\n\n/retry",
    "after a list": "- x\n- y\n\n/retry",
    "after a heading": "# x\n/retry",
    "after an underlined heading": "x\n---\n\n/retry",
    "after a break": "***\n/retry",
    "after a table": "|a|b|\n|-|-|\n|c|d|\n\n/retry",
    "before a table": "/retry\n\n|a|b|\n|-|-|",
    "after a fence": "```\n/cancel\n```\n/retry",
    "after a fence of anything": "```html\n<details>\n<!-- [x]: y ` $ *\n```\n/retry",
    "before a fence": "/retry\n```\n`\n```",
    "after indented code": "x\n\n    <details>\n\n/retry",
    "after a code span": "`x`\n/retry",
    "after a code span of HTML": "The `<div>` is gone.\n\n/retry",
    "before a code span": "/retry\n`x`",
    "after a link": "See [this](https://example.com).\n/retry",
    "after an address": "https://example.com/a_b\n/retry",
    "after a picture": "![x](https://example.com/x.png)\n\n/retry",
    "after a picture of HTML": '<img width="1" src="https://example.com/x.png" />\n\n/retry',
    "after a line break of HTML": "x<br>\n/retry",
    "after a rule of HTML": "<hr>\n\n/retry",
    "after emphasis": "*x* **y**\n/retry",
    "after words that have underscores": "a_b\n/retry\nc_d",
    "after a mention": "@mona what about this?\n/retry",
    "after mathematics": "$$x$$\n\n/retry",
    "after money": "It costs $5.\n/retry",
    "after a comparison": "a < b\n/retry",
    "after generics": "List<String> and Map<K, V>\n\n/retry",
    "after a frame of a stack": 'File "x.py", line 1, in <module>\n/retry',
    "after an address in brackets": "<https://example.com>\n/retry",
    "after a comment": "<!-- x -->\n\n/retry",
    "after a comment over paragraphs": "<!--\nx\n\n/cancel\n-->\n\n/retry",
    "after a comment of dashes": "<!-- ------ x ------ -->\n\n/retry",
    "after a comment in a line": "x <!-- y -->\n/retry",
    "after details": "<details>\n\n/cancel\n\n</details>\n\n/retry",
    "after details of a log": "<details><summary>Log</summary>\n\n```\nx\n```\n</details>\n\n/retry",
    "after details in details": "<details><details>\n\n</details></details>\n\n/retry",
    "after a div": '<div align="center">\n\nx\n\n</div>\n\n/retry',
    "after elements in a line": "Press <kbd>Ctrl</kbd> and <b>x</b>.\n/retry",
    "before details": "/retry\n\n<details>\n\nx",
    "before a comment": "/retry\n<!-- x -->",
    "before a footnote": "/retry\n\n[^x]: y",
    "before definitions": "/retry\n\n[x]: https://example.com",
    "before a signature": "/retry\n\n-- \nMona",
    "before a quote": "/retry\n> x",
    "before a list": "/retry\n- x",
    "between commands that are none": "/lgtm\n\n/retry\n\n/lgtm",
}

RETRY = (Command("retry"),)


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN)
def test_what_is_not_in_plain_sight_is_no_command(body):
    assert parse(body) == ()
    assert parse(f"Some text.\n\n{body}\n") == ()


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN)
def test_with_other_line_ends_neither(body):
    assert parse(body.replace("\n", "\r\n")) == parse(body.replace("\n", "\r")) == ()


@pytest.mark.parametrize("body", SHOWN.values(), ids=SHOWN)
def test_what_is_in_plain_sight_is_one_whatever_stands_around(body):
    assert parse(body) == RETRY
    assert parse(f"Some text.\n\n{body}\n") == RETRY


def test_lines_are_known_by_their_numbers():
    assert visible(["x", "/a", "", "> /b", "", "/c"], {1, 3, 5}) == {1, 5}
    assert visible(["x", "/a", "", "> /b", "", "/c"], {5}) == {5}
    assert visible([], ()) == frozenset()


def test_nothing_is_read_beyond_the_limit_of_a_comment():
    filler = ("x" * 1000 + "\n\n") * (MAX_CHARACTERS // 1002 - 1)
    assert parse(filler + "/retry") == RETRY
    assert parse("/retry\n\n" + "x" * MAX_CHARACTERS) == RETRY
    assert parse("x" * MAX_CHARACTERS + "\n\n/retry") == ()


def test_nothing_is_read_beyond_many_lines():
    assert parse("\n" * (MAX_LINES - 1) + "/retry") == RETRY
    assert parse("\n" * (MAX_LINES + 1) + "/retry") == ()
    assert parse("/retry" + "\nx" * MAX_LINES) == ()  # what ends this paragraph is not known


def test_long_paragraphs_are_not_searched():
    assert parse("x" * (MAX_PARAGRAPH - 100) + "\n/retry") == RETRY
    assert parse("x" * MAX_PARAGRAPH + "\n/retry") == ()
    assert parse("x" * MAX_PARAGRAPH + "\n\n/retry") == RETRY


def test_after_much_markup_nothing_is_searched():
    paragraph = "<b>x</b>" + "x" * (MAX_PARAGRAPH - 100) + "\n\n"
    assert parse(paragraph + "/retry") == RETRY
    assert parse(paragraph * (MAX_INLINE // MAX_PARAGRAPH + 1) + "/retry") == ()


PIECES = st.lists(
    st.one_of(
        st.sampled_from(["/retry", "/cancel a", "x", "", "[x]: u", "[", "](u)", "$$", "\\", "`", "*"]),
        st.sampled_from(
            ["> x", "- x", "1. ", "    x", "\tx", "# x", "---", "```", "~~~~", "|a|", "|-|"]
        ),
        st.sampled_from(
            ["<b>", "</b>", "<div>", "</div>", "</details>", "<!--", "-->", "<a b='", "'>"]
        ),
        st.sampled_from(["</li></ul>", "</blockquote>"]),
        st.text(alphabet="/retry \t`~<>-!|[]()", max_size=8),
    ),
    max_size=14,
)
BODIES = PIECES.map("\n".join)


@given(PIECES)
def test_nothing_in_a_quote_is_a_command(lines):
    assert parse("\n".join(f"> {line}" for line in lines)) == ()
    assert parse("\n".join(f">{line}" for line in lines)) == ()


@given(PIECES)
def test_nothing_in_a_list_is_a_command(lines):
    assert parse("- x\n" + "\n".join(f"  {line}" for line in lines)) == ()


@given(PIECES, st.sampled_from(["    ", "\t", "  \t"]))
def test_nothing_indented_is_a_command(lines, indent):
    assert parse("\n".join(f"{indent}{line}" for line in lines)) == ()


@given(BODIES, st.sampled_from("`~"), st.sampled_from(["", "sh", "math"]))
def test_nothing_in_a_fence_is_a_command(body, mark, language):
    longest = max((len(run) for run in re.findall(r"`+|~+", body)), default=0)
    fence = mark * max(3, longest + 1)
    assert parse(f"{fence}{language}\n{body}\n{fence}") == ()
    assert parse(f"{fence}{language}\n{body}") == ()


@given(BODIES)
def test_nothing_in_an_html_comment_is_a_command(body):
    inside = body.replace("-->", "")
    assert parse(f"<!--\n{inside}\n-->") == ()
    assert parse(f"x\n<!--\n\n{inside}\n\n-->") == ()


@given(BODIES, st.sampled_from(["details", "div", "span", "table", "blockquote", "x-y"]))
def test_nothing_in_an_element_is_a_command(body, name):
    inside = body.replace(f"</{name}>", "")
    assert parse(f"<{name}>\n\n{inside}\n\n</{name}>") == ()
    assert parse(f"<{name}>{inside}</{name}>") == ()
    assert parse(f"<{name}>\n\n{inside}") == ()


@given(BODIES)
def test_what_is_read_does_not_depend_on_what_comes_two_lines_later(body):
    """Except for the second half of a formula, text that follows can take nothing back."""
    first = parse(body)
    assert parse(f"{body}\n\nMore.")[: len(first)] == first
