"""Files outlive jobs: handed on through needs, found again by later runs, downloaded by people; tests in checks."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
from zstandard import ZstdDecompressor

from tests.canary import CANARY, files, holds_it
from tests.scenarios.operating import cli
from tests.scenarios.test_api import terminal
from tests.scenarios.world import World

JUNIT = (
    '<testsuites><testsuite><testcase classname="sums" name="adds"/><testcase name="divides" file="src/a.sh" '
    'line="7"><failure message="1 is not 2">trace</failure></testcase></testsuite></testsuites>'
)
YAML = f"""\
jobs:
  build:
    cache:
      - key: "deps-${{{{ hashFiles('lock') }}}}"
        paths: .deps
        fallback: deps-
    artifacts:
      paths: [dist, "!**/*.tmp"]
      when: always
      reports: {{junit: "*.xml"}}
    steps:
      - if test -d .deps; then cat .deps/*; else mkdir .deps; echo fetched > .deps/one; fi
      - mkdir -p dist && echo "made of $CI_SHA" > dist/program && touch dist/a.tmp && ln -s /etc/passwd dist/link
      - echo '{JUNIT}' > junit.xml
  test:
    needs: build
    image: ci-bot/git-1000:1
    steps:
      - cat dist/program && echo mine >> dist/program && test ! -e dist/a.tmp && test ! -L dist/link
"""


async def test_files_are_handed_on_found_again_and_downloaded(world: World, tmp_path: Path) -> None:
    await world.make_repo(lock="1\n")
    sha = await world.push("main", ci_yaml=YAML)
    test = await world.check(sha, "ci-bot / test")
    build = await world.check(sha, "ci-bot / build")
    assert (build["conclusion"], test["conclusion"]) == ("success", "success")
    assert f"made of {sha}" in await world.log(test)

    said = build["output"]["summary"]
    assert "**2 tests, 1 failed**" in said
    assert "divides" in said
    assert "1 is not 2" in said
    assert "1 file, " in said
    assert "left out: dist/link (a symbolic link)" in said
    assert ": miss; written, " in said
    remarks = await world.forge.annotations(world.repo, build["id"])
    assert [(one["path"], one["start_line"], one["message"]) for one in remarks] == [
        ("src/a.sh", 7, "1 is not 2")
    ]
    assert "2 tests, 1 failed" in await world.log(build)

    # Whoever may see the log may have the files; nobody else.
    address = build["details_url"].replace("?key=", "/artifacts?key=")
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as answer:
            assert (answer.status, answer.content_type) == (200, "application/zstd")
        async with session.get(address.partition("?")[0]) as answer:
            assert answer.status == 404

    # A machine with a token.
    reader = terminal(world, "reader", world.repo, scope="read")
    run = await reader.newest(sha)
    listed = await reader.ask("artifacts", run)
    assert "=== build: 1 file" in listed
    assert "dist/program" in listed
    assert "1 file" in await reader.ask("artifacts", run, "build", "--download", str(tmp_path))
    assert (tmp_path / "build" / "dist" / "program").read_text() == f"made of {sha}\n"
    code, _, err = await reader.run("artifacts", run, "test")
    assert (code, "nothing was kept" in err) == (2, True)

    # The next run of another branch finds what the default branch made; another lock falls back to it.
    second = await world.push("feature", note="x")
    hit = await world.check(second, "ci-bot / build")
    assert ": hit, " in hit["output"]["summary"]
    assert "\nfetched\n" in await world.log(hit)
    third = await world.push("feature", lock="2\n")
    near = (await world.check(third, "ci-bot / build"))["output"]["summary"]
    assert "; written, " in near
    assert ": hit, " not in near


LEAKING = """\
jobs:
  leaks:
    artifacts: {paths: [dist]}
    steps:
      - run: mkdir dist && touch dist/a && printf 'token=%s' "$TOKEN" > dist/settings
        secrets: [TOKEN]
  careless:
    allow-failure: true
    cache: {key: deps, paths: .deps}
    artifacts: {paths: [dist], when: always, reports: {junit: "*.xml"}}
    steps:
      - run: |
          mkdir .deps dist
          printf %s "$TOKEN" | base64 -w 0 | tee .deps/netrc > dist/settings
          echo "<testsuite><testcase name='$TOKEN'><failure message='$TOKEN'/></testcase></testsuite>" > a.xml
        secrets: [TOKEN]
      - run: exit 1
        if: event == "push"
"""


async def test_a_secret_is_in_no_artifact_and_no_cache_and_the_file_is_named(world: World) -> None:
    await world.make_repo()
    await world.push("main", warm="1")
    await world.settled()
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    sha = await world.push("main", ci_yaml=LEAKING)
    leaks = await world.check(sha, "ci-bot / leaks")
    assert leaks["conclusion"] == "failure"
    assert "artifacts: dist/settings has a secret in it" in leaks["output"]["title"]
    careless = await world.check(sha, "ci-bot / careless")
    said = careless["output"]["summary"]
    assert "dist/settings has a secret in it" in said
    assert "1 test, 1 failed" in said
    assert not holds_it(json.dumps(await world.forge.checks(world.repo, sha)).encode())

    # A cache is written where the job succeeds; its artifacts must not be in the way.
    harmless = LEAKING.replace(
        "artifacts: {paths: [dist], when", "artifacts: {paths: [.ci.yaml], when"
    ).replace('"push"', '"tag"')
    second = await world.push("main", ci_yaml=harmless)
    cached = (await world.check(second, "ci-bot / careless"))["output"]["summary"]
    assert "it was not written: .deps/netrc has a secret in it" in cached
    packs = [data for path, data in files(world.bot.home) if path.name.endswith((".tar.zst", ".part"))]
    assert packs
    for pack in packs:
        assert not holds_it(ZstdDecompressor().stream_reader(pack).read())
