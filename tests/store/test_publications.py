"""Versions of the truth: what is due, what is postponed, what is shown."""

from __future__ import annotations

from ci_bot.core.convergence import Published
from ci_bot.core.decisions import Decision, ForgetRepo, Retry
from ci_bot.core.model import RunKind
from tests.make import ALICE, REPO, SHA_A, creating, new_run
from tests.store.conftest import Store


async def test_a_run_of_a_pull_request_concerns_its_commit_and_its_conversation(store: Store) -> None:
    await store.decisions.commit(creating(new_run(kind=RunKind.PULL_REQUEST, pull=3)), None)
    due = await store.publications.due(10)
    assert [(subject.sha, subject.pull) for subject in due] == [(SHA_A, None), ("", 3)]
    assert all(len(subject.runs) == 1 for subject in due)


async def test_what_is_left_out_takes_no_place(store: Store) -> None:
    await store.decisions.commit(creating(new_run(kind=RunKind.PULL_REQUEST, pull=3)), None)
    commit, conversation = await store.publications.due(2)
    assert await store.publications.due(1, {commit.id}) == [conversation]
    assert await store.publications.due(2, {commit.id, conversation.id}) == []


async def test_what_is_shown_is_due_again_when_the_truth_changes(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    (subject,) = await store.publications.due(10)
    claim = await store.runs.claim("one/p1", 30)  # the truth moves on while this version is shown
    assert claim is not None
    await store.publications.shown(subject.id, subject.wanted)
    (newer,) = await store.publications.due(10)
    assert newer.wanted > subject.wanted
    await store.publications.shown(newer.id, newer.wanted)
    assert await store.publications.due(10) == []


async def test_held_back_progress_never_delays_a_newer_truth(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    (subject,) = await store.publications.due(10)
    await store.runs.claim("one/p1", 30)
    await store.publications.postpone(subject, store.clock.now() + 10, "")
    assert len(await store.publications.due(10)) == 1
    (newer,) = await store.publications.due(10)
    await store.publications.postpone(newer, store.clock.now() + 10, "")
    assert await store.publications.due(10) == []


async def test_a_forge_that_failed_is_left_alone_whatever_happens_meanwhile(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    (subject,) = await store.publications.due(10)
    await store.publications.postpone(subject, store.clock.now() + 60, "503")
    await store.runs.claim("one/p1", 30)
    assert await store.publications.due(10) == []
    store.clock.time += 61
    (again,) = await store.publications.due(10)
    assert again.tries == 1


async def test_what_the_forge_accepted_is_kept_until_a_person_asks_anew(store: Store) -> None:
    (run_id,) = await store.decisions.commit(creating(new_run(plan=None)), None)
    (subject,) = await store.publications.due(10)
    shown = Published("ci-bot", 1, "check:5", sent=True, accepted="abc", is_final=True)
    await store.publications.save(subject.id, shown)
    assert await store.publications.known(subject.id) == {"ci-bot": shown}
    await store.decisions.commit(Decision("x", retry=(Retry(REPO.key, SHA_A, (run_id,), ALICE),)), None)
    assert (await store.publications.known(subject.id))["ci-bot"].accepted == ""


async def test_nothing_is_published_to_a_repository_that_is_gone(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    await store.decisions.commit(Decision("x", repos=(ForgetRepo("github", None, REPO.tenant),)), None)
    assert await store.publications.due(10) == []
