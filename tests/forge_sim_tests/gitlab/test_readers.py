"""python-gitlab, which knows nothing of the simulator, reads and writes it as it would GitLab."""

from __future__ import annotations

import asyncio
from typing import Any

import gitlab
from gitlab.exceptions import GitlabCreateError

from .scene import REPO, Scene


async def test_python_gitlab_can_work_with_it(scene: Scene) -> None:
    sha, number = await scene.opened(**{f"f{n}": "1" for n in range(25)})
    said = await scene.client.comment(REPO, number, "/retry", by="wim")
    wim = scene.client.people["wim"].id
    done = await asyncio.to_thread(_work, scene.gitlab.url, scene.bot, sha, number, said["id"], wim)
    assert done["files"] == 26
    assert done["content"] == b"on: push\n"
    assert done["level"] == 30
    assert done["notes"] == ["done", "/retry"]
    assert done["again"] == 400
    assert await scene.client.reactions(REPO, said["id"]) == ["eyes"]


def _work(url: str, bot: Any, sha: str, number: int, note: int, wim: int) -> dict[str, Any]:
    client = gitlab.Gitlab(url, private_token=bot["token"], retry_transient_errors=False)
    client.auth()
    project = client.projects.get(REPO)
    mr = project.mergerequests.get(number)
    path = f"/projects/{project.id}/merge_requests/{number}"
    status = {"state": "running", "name": "ci-bot", "ref": mr.source_branch}
    project.commits.get(sha, lazy=True).statuses.create(status)
    again = 0
    try:
        project.commits.get(sha, lazy=True).statuses.create(status)
    except GitlabCreateError as error:
        again = int(error.response_code or 0)
    mr.notes.get(note).awardemojis.create({"name": "eyes"})
    mr.notes.create({"body": "done"})
    hook = project.hooks.create({"url": "http://ci.example.com", "note_events": True})
    hook.note_events = False
    hook.save()
    hook.delete()
    deployment = project.deployments.create(
        {"environment": "live", "sha": sha, "ref": "feature", "tag": False, "status": "running"}
    )
    deployment.status = "success"
    deployment.save()
    return {
        "files": len(list(client.http_list(f"{path}/diffs", iterator=True))),
        "versions": len(mr.diffs.list(get_all=True)),
        "content": project.files.raw(".ci.yaml", ref=sha),
        "level": project.members_all.get(wim).access_level,
        "notes": [one.body for one in mr.notes.list(iterator=True)],
        "again": again,
        "pipelines": [one.id for one in mr.pipelines.list(get_all=True)],
        "token": client.personal_access_tokens.get("self").expires_at,
        "statuses": [one.name for one in project.commits.get(sha).statuses.list(get_all=True)],
    }
