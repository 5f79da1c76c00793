"""GET …/artifacts: names and the archive, for tokens that may see the run, until they expire."""

from __future__ import annotations

import io
from dataclasses import replace

from ci_bot.core.extras import Extras
from ci_bot.core.planned import SecretRef
from ci_bot.core.states import Change
from ci_bot.ports import ArtifactRecord, PackLimits
from tests.make import job, plan
from tests.web.api.conftest import STRANGER, Api

LIMITS = PackLimits(1000, 10)


async def kept(api: Api) -> str:
    """A run whose job has kept two files for 100 s."""
    asking = job("test")
    (step,) = asking.steps
    asking = replace(asking, steps=(replace(step, secrets=(SecretRef("TOKEN", "TOKEN"),)),))
    run_id = await api.begin(plan=plan(asking))
    claim = await api.store.runs.claim("one/p1", 30)
    assert claim is not None
    with api.packs.begin(claim.job.id, LIMITS, links=False) as packing:
        for name in ("dist/a", "dist/hunter2-hunter2"):
            packing.file(name, 0o644, 0.0, 3, io.BytesIO(b"one"))
        packed = packing.finish()
    until = api.store.clock.now() + 100
    record = ArtifactRecord(claim.job.id, packed.names, packed.size, packed.packed, until)
    await api.store.artifacts.note(claim.lease, Extras(), record)
    await api.store.runs.end_job(claim.lease, Change.SUCCEED, "")
    return run_id


async def test_what_was_kept_is_listed_and_names_are_masked(api: Api) -> None:
    api.vault.secrets["TOKEN"] = "hunter2-hunter2"
    run_id = await kept(api)
    said = await api.ask(f"/runs/{run_id}/artifacts?files=true")
    (job,) = said.json["jobs"]
    assert (job["id"], job["attempt"], job["count"], job["size"]) == ("test", 1, 2, 6)
    assert [file["name"] for file in job["files"]] == ["dist/a", "dist/***"]
    assert (await api.ask(f"/runs/{run_id}/artifacts")).json["jobs"][0]["files"] == []


async def test_the_archive_comes_whole(api: Api) -> None:
    run_id = await kept(api)
    said = await api.ask(f"/runs/{run_id}/jobs/test/artifacts")
    assert (said.status, said.headers["Content-Type"]) == (200, "application/zstd")
    (pack,) = api.packs.kept()
    with api.packs.open(pack.id) as file:
        assert said.body == file.read()


async def test_what_is_not_there_or_not_for_them(api: Api) -> None:
    run_id = await kept(api)
    for path in ("artifacts", "jobs/test/artifacts"):
        assert (await api.ask(f"/runs/{run_id}/{path}", STRANGER)).status == 404
        assert (await api.ask(f"/runs/{run_id}/{path}", "")).status == 401
    assert (await api.ask(f"/runs/{run_id}/jobs/other/artifacts")).status == 404
    assert (await api.ask(f"/runs/{run_id}/jobs/test/artifacts?attempt=2")).status == 404
    (pack,) = api.packs.kept()
    api.packs.forget(pack.id)
    gone = await api.ask(f"/runs/{run_id}/jobs/test/artifacts")
    assert (gone.status, "not on this server any more" in gone.json["detail"]) == (404, True)
    api.store.clock.time += 101
    assert (await api.ask(f"/runs/{run_id}/artifacts")).json == {"jobs": []}
    over = await api.ask(f"/runs/{run_id}/jobs/test/artifacts")
    assert (over.status, "their time is over" in over.json["detail"]) == (404, True)
