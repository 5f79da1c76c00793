"""Steps ask, the vault answers: with values that are on record, or with words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ci_bot.core.deciding import decide_repo
from ci_bot.core.decisions import Decision, SeeRepo
from ci_bot.core.errors import SecretRefused
from ci_bot.core.events import Permission, RepoTransferred
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.planned import SecretRef, Step
from ci_bot.core.secret_rules import SecretLimits, StoredSecret, tenant_scope
from ci_bot.core.states import Status
from ci_bot.core.trust import Role, Ruling, Voucher
from ci_bot.secrets.keys import Keyring
from ci_bot.secrets.rest import RestKeys
from ci_bot.secrets.sealing import seal
from ci_bot.secrets.vault import OpenVault
from tests.make import ALICE, REPO, SHA_A, job, plan
from tests.stores import Store, open_store

JOB = JobRun("j1", "r1", "test", "test", 1, Status.RUNNING, ())
STORED = SecretRef("TOKEN", "TOKEN")


class Keeping:
    """A vault on a real store, and what its operator does."""

    def __init__(self, store: Store, home: Path) -> None:
        self.store, self.home = store, home
        self.told: list[bytes] = []
        self.vault = OpenVault(store.secrets, store.audit, self.keyring, self.rest, self.told.append)

    def keyring(self) -> Keyring:
        return Keyring.read_or_make(self.home / "sealing.key")

    def rest(self) -> RestKeys:
        return RestKeys.read_or_make(self.home / "secrets.key")

    async def set(
        self, value: bytes, scope: str = REPO.key, name: str = "TOKEN", **limits: tuple[str, ...]
    ) -> None:
        self.store.clock.time += 1
        id = f"s{self.store.clock.time}"
        bare = StoredSecret(
            id, scope, name, "", b"", SecretLimits(**limits), self.store.clock.time, "op"
        )
        made = self.rest().encrypt(value, bare.identity)
        await self.store.secrets.save(replace(bare, key_id=made.key_id, value=made.blob))

    async def audited(self) -> list[str]:
        lines = await self.store.audit.newest(100)
        return [
            f"{line.name} {line.step} {line.actor.login} {line.permission.name}" for _, line in lines
        ]


@pytest.fixture
async def keeping(tmp_path: Path) -> AsyncIterator[Keeping]:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}") as store:
        await store.decisions.commit(Decision("seen", repos=(SeeRepo(REPO),)), None)
        yield Keeping(store, tmp_path)


def step(*refs: SecretRef) -> Step:
    return Step("publish", "./publish", "img", secrets=refs or (STORED,))


def run(*refs: SecretRef, **more: object) -> Run:
    steps = (step(*refs),)
    made = Run(
        "r1",
        "k",
        REPO,
        RunKind.PUSH,
        "main",
        SHA_A,
        Verdict.PLANNED,
        ALICE,
        0.0,
        plan=plan(replace(job("test"), steps=steps)),
        vouchers=(Voucher(ALICE, Role.SENDER, Permission.WRITE, 0.0),),
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def test_a_stored_secret_is_given_and_its_use_is_on_record(keeping: Keeping) -> None:
    await keeping.set(b"hunter2")
    assert await keeping.vault.open(run(), JOB, step()) == {"TOKEN": "hunter2"}
    assert await keeping.audited() == ["TOKEN publish alice WRITE"]
    assert keeping.told == [b"hunter2"]


async def test_a_step_that_names_none_asks_nobody(keeping: Keeping) -> None:
    assert await keeping.vault.open(run(), JOB, Step("x", "x", "img")) == {}
    assert await keeping.audited() == []


async def test_a_repositorys_own_secret_comes_before_its_organisations(keeping: Keeping) -> None:
    await keeping.set(b"of the organisation", tenant_scope(REPO))
    assert (await keeping.vault.open(run(), JOB, step()))["TOKEN"] == "of the organisation"
    await keeping.set(b"of the repository")
    assert (await keeping.vault.open(run(), JOB, step()))["TOKEN"] == "of the repository"


async def test_another_repositorys_secret_is_not_there(keeping: Keeping) -> None:
    await keeping.set(b"hunter2", "github:8")
    with pytest.raises(SecretRefused, match="no secret TOKEN for this repository"):
        await keeping.vault.open(run(), JOB, step())


async def test_without_trust_nothing_is_decrypted(keeping: Keeping) -> None:
    await keeping.set(b"hunter2")
    with pytest.raises(SecretRefused, match="nobody with write access vouched"):
        await keeping.vault.open(run(ruling=Ruling.RUN_WITHOUT_SECRETS), JOB, step())
    assert (keeping.told, await keeping.audited()) == ([], [])


async def test_a_secrets_limits_hold(keeping: Keeping) -> None:
    await keeping.set(b"hunter2", events=("tag",))
    with pytest.raises(SecretRefused, match="given on tag alone"):
        await keeping.vault.open(run(), JOB, step())


async def test_a_transferred_repository_is_locked_until_it_is_unlocked(keeping: Keeping) -> None:
    await keeping.set(b"hunter2")
    await keeping.store.decisions.commit(decide_repo(RepoTransferred(REPO, ALICE)), None)
    with pytest.raises(SecretRefused, match="was transferred"):
        await keeping.vault.open(run(), JOB, step())
    assert await keeping.store.secrets.unlock(REPO.key)
    assert await keeping.vault.open(run(), JOB, step())


async def test_what_was_replaced_and_removed_is_masked_until_it_is_forgotten(keeping: Keeping) -> None:
    await keeping.set(b"the first value")
    await keeping.set(b"the second value")
    await keeping.store.secrets.retire(REPO.key, "TOKEN", keeping.store.clock.now())
    assert set(await keeping.vault.values(run())) == {b"the first value", b"the second value"}
    assert await keeping.store.secrets.purge(keeping.store.clock.now() + 1) == 2
    assert await keeping.vault.values(run()) == ()


async def test_a_value_that_is_moved_to_another_row_does_not_open(keeping: Keeping) -> None:
    await keeping.set(b"hunter2", events=("tag",))
    (row,) = await keeping.store.secrets.listed(REPO.key)
    await keeping.store.secrets.save(replace(row, id="other", limits=SecretLimits()))
    with pytest.raises(SecretRefused, match="was changed, or belongs to another one"):
        await keeping.vault.open(run(), JOB, step())


async def test_after_the_key_was_rotated_the_old_value_still_opens(keeping: Keeping) -> None:
    await keeping.set(b"hunter2")
    keeping.rest().rotate()
    assert await keeping.vault.open(run(), JOB, step()) == {"TOKEN": "hunter2"}


async def test_what_no_key_opens_any_more_is_told_and_set_again_it_is_given(keeping: Keeping) -> None:
    await keeping.set(b"hunter2")
    (keeping.home / "secrets.key").unlink()
    assert list(await keeping.vault.values(run())) == []
    with pytest.raises(SecretRefused, match=r"secrets\.key does not have; restore that file"):
        await keeping.vault.open(run(), JOB, step())
    await keeping.set(b"hunter3")
    assert list(await keeping.vault.values(run())) == [b"hunter3"]
    assert await keeping.vault.open(run(), JOB, step()) == {"TOKEN": "hunter3"}


def sealed(keeping: Keeping, repo_id: int = REPO.id, **limits: tuple[str, ...]) -> SecretRef:
    text = seal(
        b"hunter2", keeping.keyring().public, forge="github", repo_id=repo_id, name="TOKEN", **limits
    )
    return SecretRef("TOKEN", "TOKEN", text)


async def test_a_sealed_string_opens_for_its_own_repository(keeping: Keeping) -> None:
    ref = sealed(keeping)
    assert await keeping.vault.open(run(ref), JOB, step(ref)) == {"TOKEN": "hunter2"}
    assert list(await keeping.vault.values(run(ref))) == [b"hunter2"]


@pytest.mark.parametrize("case", ["another repository", "another event", "another branch", "cut off"])
async def test_a_sealed_string_fails_closed(keeping: Keeping, case: str) -> None:
    ref = {
        "another repository": sealed(keeping, repo_id=8),
        "another event": sealed(keeping, events=("tag",)),
        "another branch": sealed(keeping, branches=("release",)),
        "cut off": replace(sealed(keeping), sealed=sealed(keeping).sealed[:-9]),
    }[case]
    with pytest.raises(SecretRefused):
        await keeping.vault.open(run(ref), JOB, step(ref))
    assert await keeping.audited() == []


async def test_a_value_that_is_no_text_is_told(keeping: Keeping) -> None:
    await keeping.set(b"\xff\xfe\x01")
    with pytest.raises(SecretRefused, match="store it in base64"):
        await keeping.vault.open(run(), JOB, step())
