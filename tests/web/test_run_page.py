"""The log page as it comes from the server: read without a script, opened only with its link."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from ci_bot.core.decisions import Decision, Retry, SeeRepo
from ci_bot.core.model import LogRef, Run, RunKind
from ci_bot.core.page.access import PageRules
from ci_bot.web.logs import TAIL, WHOLE
from ci_bot.web.site import POLICY
from tests.make import ALICE, REPO, SHA_A, SHA_B, creating, new_run
from tests.web.conftest import Site
from tests.web.test_logs import a_run, end_job, told


class Page(HTMLParser):
    """Its elements, and what breaks a strict policy."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip() and self.tags and self.tags[-1][0] in ("script", "style"):
            raise AssertionError(f"inline {self.tags[-1][0]}: {data}")


async def page_of(site: Site, run: Run, more: str = "", job: str | None = None) -> str:
    status, page = await site.get(site.links.url(run.id, job) + more)
    assert status == 200
    return page


async def test_the_page_shows_the_run_its_job_and_the_failed_steps_log(site: Site) -> None:
    run = await a_run(site, b"made\n", b"\x1b[31mnot made\x1b[0m\n")
    page = await page_of(site, run)
    assert "Fix it" in page
    assert '<span class="f1">not made</span>' not in page  # the first failed step is open
    assert "made" in page
    assert '<span class="f1">not made</span>' in await page_of(site, run, "&step=2")


async def test_nothing_is_inline_and_nothing_comes_from_elsewhere(site: Site) -> None:
    run = await a_run(site, b"x\n", title='"><script>alert(1)</script>')
    answer = await site.headers(site.links.url(run.id, None))
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for tag, attributes in Page(await page_of(site, run)).tags:
        assert tag != "style"
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        if tag in ("script", "link", "img"):
            address = attributes.get("src") or attributes.get("href") or ""
            assert address.startswith("/static/")
            status, _ = await site.get(address)
            assert status == 200


async def test_files_have_names_that_tell_their_content_and_are_kept(site: Site) -> None:
    run = await a_run(site, b"x\n")
    for tag, attributes in Page(await page_of(site, run)).tags:
        if tag == "script":
            answer = await site.headers(str(attributes["src"]))
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert (await site.get("/static/page.0000000000.css"))[0] == 404
    assert (await site.get("/static/..%2fapp.py"))[0] == 404


async def test_a_stranger_gets_the_same_page_for_what_is_there_and_for_what_is_not(site: Site) -> None:
    run = await a_run(site, b"secret plans\n")
    job, key = run.jobs[0].id, site.links.sign(run.id)
    answers = {
        await told(site, path)
        for path in (
            f"/runs/{run.id}",
            f"/runs/{run.id}?key=wrong",
            f"/runs/{run.id}/events",
            f"/runs/{run.id}/{job}/0/lines?key=wrong",
            f"/runs/{run.id}/{job}/0/raw",
            f"/runs/{run.id}/{job}/0/events",
            f"/runs/{run.id}/{job}/7/raw?key={key}",
            f"/runs/{run.id}/{job}/%2e%2e/raw?key={key}",
            f"/runs/{run.id}/{job}/search?q=x",
            f"/runs/nosuch/events?key={key}",
            "/repos/github/acme/shop",
            f"/repos/github/acme/shop?key={key}",
            "/repos/github/acme/nosuch",
            "/repos/gitlab/acme/shop",
        )
    }
    ((status, words, _),) = answers
    assert (status, "secret" in words) == (404, False)


async def test_a_revoked_link_is_dead_and_the_new_one_works(site: Site) -> None:
    revoked: dict[str, int] = {}
    site.links._revoked = lambda: revoked
    run = await a_run(site, b"x\n")
    old = site.links.url(run.id, None)
    revoked[f"run:{run.id}"] = 1
    assert (await site.get(old))[0] == 404
    assert (await site.get(site.links.url(run.id, None)))[0] == 200


async def test_a_link_expires_with_its_runs_newest_attempt(site: Site) -> None:
    object.__setattr__(site.rules, "links_expire", 30)
    run = await a_run(site, b"x\n")
    url = site.links.url(run.id, None)
    site.store.clock.time += 29 * 24 * 3600
    assert (await site.get(url))[0] == 200
    site.store.clock.time += 2 * 24 * 3600
    assert (await site.get(url))[0] == 404
    retry = Retry(REPO.key, SHA_A, (run.id,), ALICE)
    await site.store.decisions.commit(Decision("x", retry=(retry,)), None)
    assert (await site.get(url))[0] == 200


@pytest.mark.parametrize("private", [True, False])
async def test_open_pages_are_those_of_public_repositories(site: Site, private: bool) -> None:
    object.__setattr__(site.rules, "open_pages", True)
    repo = replace(REPO, private=private)
    decision = replace(creating(replace(new_run(), repo=repo)), repos=(SeeRepo(repo),))
    await site.store.decisions.commit(decision, None)
    run = await site.store.the_run()
    expected = 404 if private else 200
    assert (await site.get(f"/runs/{run.id}"))[0] == expected
    assert (await site.get("/repos/github/acme/shop"))[0] == expected
    if not private:
        assert "key=" not in (await site.get(f"/runs/{run.id}"))[1]


async def test_of_a_long_log_the_page_has_its_beginning_and_its_end(site: Site) -> None:
    run = await a_run(site, b"".join(b"line %d\n" % number for number in range(1, 5001)))
    page = await page_of(site, run)
    assert "line 50<" in page
    assert "line 51<" not in page
    assert f"Lines 51 to {5000 - TAIL} are not shown" in page
    assert "line 5000<" in page
    middle = await page_of(site, run, "&step=1&from=2500")
    assert "line 2500<" in middle


async def test_lines_are_given_by_their_numbers(site: Site) -> None:
    run = await a_run(site, b"".join(b"line %d\n" % number for number in range(1, 5001)) + b"open")
    answer = await lines(site, run, "from=2500&most=3")
    assert [line[0] for line in answer["windows"][0]["lines"]] == [2500, 2501, 2502]
    assert answer["windows"][0]["lines"][0][1] == "line 2500"
    assert answer["total"] == 5001
    last = await lines(site, run, "from=5001")
    assert last["windows"][0] == {
        "lines": [[5001, "open"]],
        "next": last["windows"][0]["next"],
        "open": True,
    }
    assert (await lines(site, run, "from=5002"))["windows"][0]["lines"] == []
    assert (await lines(site, run, "from=junk&most=-1"))["windows"][0]["lines"][0][0] == 1
    opened = await lines(site, run, "open=1&line=2500")
    assert [window["lines"][0][0] for window in opened["windows"]] == [1, 2440, 5001 - TAIL + 1]


async def lines(site: Site, run: Run, query: str) -> dict[str, Any]:
    path = site.links.url(run.id, run.jobs[0].id).replace("?", "/0/lines?")
    return dict(json.loads((await site.get(f"{path}&{query}"))[1]))


async def test_a_line_of_a_megabyte_is_cut_and_the_next_one_is_found(site: Site) -> None:
    run = await a_run(site, b"x" * 1_000_000 + b"\nafter\n")
    page = await page_of(site, run)
    assert len(page) < 60_000
    assert "983.6 kB" in page or "984 kB" in page
    answer = await lines(site, run, "from=2")
    assert answer["windows"][0]["lines"] == [[2, "after"]]


async def test_colours_go_on_where_a_window_begins(site: Site) -> None:
    run = await a_run(site, b"\x1b[31mred\n" + b"still red\n" * (WHOLE + 10) + b"\x1b[0mplain\n")
    answer = await lines(site, run, f"from={WHOLE}&most=1")
    assert answer["windows"][0]["lines"] == [[WHOLE, ["f1", "still red"]]]


async def test_a_search_tells_steps_and_lines(site: Site) -> None:
    run = await a_run(site, b"one\nERR\x1b[1mor here\n", b"nothing\n", b"an Error\n" * 3)
    path = site.links.url(run.id, run.jobs[0].id).replace("?", "/search?")
    found = json.loads((await site.get(f"{path}&q=error"))[1])
    assert found == {"hits": [[0, 2], [2, 1], [2, 2], [2, 3]], "more": False}
    assert json.loads((await site.get(f"{path}&q=%20"))[1])["hits"] == []
    page = await page_of(site, run, "&q=error", run.jobs[0].id)
    assert "Step 1, line 2" in page


async def test_the_raw_log_is_what_was_stored_to_be_saved(site: Site) -> None:
    run = await a_run(site, b"\x1b[31mred\x1b[0m <b>\n")
    path = site.links.url(run.id, run.jobs[0].id).replace("?", "/0/raw?")
    async with site.client.get(path) as answer:
        assert await answer.read() == site.logs.read(LogRef(run.jobs[0].id, 0))
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_earlier_attempts_stand_beside_the_job(site: Site) -> None:
    run = await a_run(site, b"first\n")
    retry = Retry(REPO.key, SHA_A, (run.id,), ALICE)
    await site.store.decisions.commit(Decision("x", retry=(retry,)), None)
    await end_job(site, b"second\n")
    page = await page_of(site, run)
    assert "Attempt 1" in page
    assert "second" in page
    assert "first" in await page_of(site, run, job=run.jobs[0].id)


async def test_the_list_shows_runs_newest_first_and_leads_to_them(site: Site) -> None:
    await a_run(site, b"x\n", title="The first")
    for number in range(35):
        await site.store.decisions.commit(
            creating(new_run(SHA_B, ref=f"b{number}", title=f"No {number}")), None
        )
    url = site.links.list_url(REPO)
    _, page = await site.get(url)
    assert page.index("No 34") < page.index("No 10")
    assert "The first" not in page
    older = next(str(a["href"]) for tag, a in Page(page).tags if a.get("rel") == "next")
    assert "The first" in (await site.get(older))[1]
    only = (await site.get(f"{url}&branch=b7"))[1]
    assert "No 7" in only
    assert "No 34" not in only
    link = next(str(a["href"]) for tag, a in Page(page).tags if str(a.get("href")).startswith("/runs/"))
    run_page = (await site.get(link))[1]
    assert url in run_page.replace("&amp;", "&")  # this browser was given the list's link


async def test_who_has_a_runs_link_alone_is_not_shown_the_list(site: Site) -> None:
    run = await a_run(site, b"x\n")
    assert "/repos/" not in await page_of(site, run)


async def badge(site: Site, query: str = "", repo: str = "acme/shop") -> str:
    status, text = await site.get(f"/badges/github/{repo}.svg{query}")
    assert status == 200
    return text


async def test_a_badge_shows_a_public_branch_and_nothing_private(site: Site) -> None:
    await a_run(site, b"x\n")  # of a private repository
    unknown = await badge(site)
    assert "unknown" in unknown
    assert await badge(site, repo="acme/nosuch") == unknown
    assert await badge(site, "?key=wrong") == unknown
    own = site.links.badge_url(REPO).partition("?")[2]
    assert "failing" in await badge(site, f"?{own}")
    assert "unknown" in await badge(site, f"?{own}&branch=other")
    assert (await site.get(f"/repos/github/acme/shop?{own}"))[0] == 404


async def test_a_badge_is_kept_and_asked_for_again_by_its_tag(site: Site) -> None:
    answer = await site.headers("/badges/github/acme/shop.svg")
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    async with site.client.get(
        "/badges/github/acme/shop.svg", headers={"If-None-Match": answer.headers["ETag"]}
    ) as again:
        assert (again.status, await again.read()) == (304, b"")


async def test_a_pull_request_of_the_same_branch_name_does_not_change_the_badge(site: Site) -> None:
    outsiders = new_run(SHA_B, kind=RunKind.PULL_REQUEST, pull=3, ref="main")
    await site.store.decisions.commit(creating(outsiders), None)
    own = site.links.badge_url(REPO).partition("?")[2]
    assert "unknown" in await badge(site, f"?{own}")


async def test_groups_within_groups_and_another_forge_of_the_same_name(site: Site) -> None:
    deep = replace(REPO, forge="gitlab", id=8, name="acme/tools/shop")
    twin = replace(deep, id=9, name=REPO.name)
    for repo, title in ((deep, "Deep"), (twin, "Twin"), (REPO, "Own")):
        key = f"{repo.key} x"
        made = creating(new_run(repo=repo, key=key, title=title))
        await site.store.decisions.commit(replace(made, repos=(SeeRepo(repo),)), None)
    for repo, title in ((deep, "Deep"), (twin, "Twin"), (REPO, "Own")):
        assert title in (await site.get(site.links.list_url(repo)))[1]
        status, shown = await site.get(site.links.badge_url(repo))
        assert (status, "running" in shown) == (200, True)
    assert (await site.get(f"/repos/gitlab/acme/shop?key={site.links.sign_repo(REPO)}"))[0] == 404


def test_rules_are_strict_unless_somebody_says_otherwise() -> None:
    assert PageRules() == PageRules(open_pages=False, links_expire=None)
