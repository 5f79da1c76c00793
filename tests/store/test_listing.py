"""Runs to be looked through: pages, filters, and one word for each run, on a real database."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import pytest
from sqlalchemy import update

from ci_bot.core.decisions import Decision, ForgetRepo, NewRun, Retry, SeeRepo
from ci_bot.core.model import RunKind, Verdict
from ci_bot.core.standing import Standing, span, standing
from ci_bot.core.states import Change, Status
from ci_bot.ports import RunFilter, RunPage
from ci_bot.store import RunListStore
from ci_bot.store.schema import jobs, runs
from tests.make import ALICE, REPO, SHA_A, SHA_B, creating, job, new_run, plan
from tests.store.conftest import Store

OTHER = replace(REPO, id=8, name="acme/other")


@pytest.fixture
def listing(store: Store) -> RunListStore:
    return RunListStore(store.database)


async def add(store: Store, *new: NewRun) -> list[str]:
    seen = Decision("seen", create=new, repos=tuple(SeeRepo(each.repo) for each in new))
    return list(await store.decisions.commit(seen, None))


def named(name: str, **more: Any) -> NewRun:
    """A push to a branch of that name."""
    return new_run(ref=name, **more)


async def shown(listing: RunListStore, wanted: RunFilter) -> list[str]:
    """The branches of the runs of the first page."""
    return [run.ref for run in (await listing.page(wanted, 1000)).runs]


async def test_pages_go_from_the_newest_to_the_oldest_without_gap_or_repeat(
    store: Store, listing: RunListStore
) -> None:
    for number in range(7):
        await add(store, named(f"b{number}"))
    found: list[str] = []
    page = RunPage((), "")
    for expected in (3, 3, 1):
        page = await listing.page(RunFilter(), 3, page.next)
        assert len(page.runs) == expected
        found += [run.ref for run in page.runs]
        await add(store, named(f"new{expected}{len(found)}"))
    assert found == [f"b{number}" for number in range(6, -1, -1)]
    assert page.next == ""


async def test_a_page_that_ends_with_the_last_run_says_that_there_are_no_more(
    store: Store, listing: RunListStore
) -> None:
    await add(store, named("a"))
    await add(store, named("b"))
    assert (await listing.page(RunFilter(), 2)).next == ""


async def test_every_filter_narrows_the_list(store: Store, listing: RunListStore) -> None:
    await add(store, named("main"))
    await add(store, named("feature", sha=SHA_B, kind=RunKind.PULL_REQUEST, pull=3))
    await add(store, named("other", repo=OTHER, key="x"))
    for wanted, expected in (
        (RunFilter(), ["other", "feature", "main"]),
        (RunFilter(repos=(REPO.key,)), ["feature", "main"]),
        (RunFilter(repos=(REPO.key, OTHER.key)), ["other", "feature", "main"]),
        (RunFilter(repos=()), []),
        (RunFilter(branch="main"), ["main"]),
        (RunFilter(branch="mai"), []),
        (RunFilter(branch="%"), []),
        (RunFilter(sha=SHA_B), ["feature"]),
        (RunFilter(sha="bb"), ["feature"]),
        (RunFilter(sha="a"), ["other", "main"]),
        (RunFilter(sha=SHA_A + "a"), []),
        (RunFilter(pull=3), ["feature"]),
        (RunFilter(pull=4), []),
        (RunFilter(kinds=(RunKind.PUSH,)), ["other", "main"]),
        (RunFilter(repos=(OTHER.key,), branch="main"), []),
    ):
        assert await shown(listing, wanted) == expected, wanted


async def test_a_run_that_cannot_be_read_does_not_hide_the_others(
    store: Store, listing: RunListStore
) -> None:
    await add(store, named("a"))
    (broken,) = await add(store, named("b"))
    await add(store, named("c"))
    async with store.database.write() as connection:
        await connection.execute(update(runs).where(runs.c.id == broken).values(plan="{"))
    assert await shown(listing, RunFilter()) == ["c", "a"]


async def test_a_repository_is_found_by_its_name_as_long_as_it_is_served(
    store: Store, listing: RunListStore
) -> None:
    await store.decisions.commit(creating(new_run()), None)
    assert await listing.repo("acme/shop") == REPO
    assert await listing.repo("Acme/Shop") == REPO
    assert await listing.repo("acme/%") is None
    gone = Decision("removed", repos=(ForgetRepo(REPO.forge, REPO.id, None),))
    await store.decisions.commit(gone, None)
    assert await listing.repo("acme/shop") is None


# ── one word for each run ────────────────────────────────────────────────────────────────────


async def stands(listing: RunListStore, wanted: Standing) -> set[str]:
    return set(await shown(listing, RunFilter(standings=(wanted,))))


async def check_all(listing: RunListStore, expected: dict[str, Standing]) -> None:
    """Every run is found by the word that it has, and by no other."""
    for wanted in Standing:
        assert await stands(listing, wanted) == {k for k, v in expected.items() if v is wanted}, wanted


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_every_mixture_of_jobs_is_found_by_the_word_that_it_is_shown_with(
    store: Store, listing: RunListStore, size: int
) -> None:
    mixtures = list(combinations_with_replacement(Status, size))
    keys = [f"j{index}" for index in range(size)]
    wanted = plan(*(job(key) for key in keys))
    new = (named(f"b{n}", sha=f"{n:040x}", plan=wanted) for n in range(len(mixtures)))
    every = await add(store, *new)
    async with store.database.write() as connection:
        for run_id, mixture in zip(every, mixtures, strict=True):
            for key, status in zip(keys, mixture, strict=True):
                mine = update(jobs).where(jobs.c.run_id == run_id, jobs.c.key == key)
                await connection.execute(mine.values(status=status))
    expected = {run.ref: standing(run) for run in await store.runs.recent(len(mixtures))}
    assert len(expected) == len(mixtures)
    await check_all(listing, expected)


async def test_every_verdict_is_found_by_the_word_that_it_is_shown_with(
    store: Store, listing: RunListStore
) -> None:
    expected = {}
    for verdict in Verdict:
        for superseded in (False, True):
            ref = f"{verdict} {superseded}"
            (run_id,) = await add(store, named(ref, verdict=verdict, plan=None))
            async with store.database.write() as connection:
                change = update(runs).where(runs.c.id == run_id).values(superseded=superseded)
                await connection.execute(change)
            run = await store.runs.run(run_id)
            assert run is not None
            expected[ref] = standing(run)
    await check_all(listing, expected)
    assert expected["held False"] is Standing.HELD
    assert expected["held True"] is Standing.CANCELLED
    assert expected["planned False"] is Standing.FAILED


async def test_the_latest_attempt_alone_counts(store: Store, listing: RunListStore) -> None:
    (run_id,) = await add(store, named("main"))
    claim = await store.runs.claim("one/p1", 30)
    assert claim is not None
    await store.runs.end_job(claim.lease, Change.FAIL, "exit code 1")
    assert await stands(listing, Standing.FAILED) == {"main"}
    retry = Retry(REPO.key, SHA_A, (run_id,), ALICE)
    await store.decisions.commit(Decision("again", retry=(retry,)), None)
    await check_all(listing, {"main": Standing.QUEUED})


async def test_a_run_lasts_from_its_first_start_to_its_last_end(store: Store) -> None:
    (run_id,) = await add(store, named("main"))
    run = await store.runs.run(run_id)
    assert run is not None
    assert span(run) == (None, None)
    began = store.clock.time = 2_000_000.0
    claim = await store.runs.claim("one/p1", 30)
    assert claim is not None
    run = await store.runs.run(run_id)
    assert run is not None
    assert span(run) == (began, None)
    store.clock.time += 7
    await store.runs.end_job(claim.lease, Change.FAIL, "exit code 1")
    run = await store.runs.run(run_id)
    assert run is not None
    assert span(run) == (began, began + 7)
