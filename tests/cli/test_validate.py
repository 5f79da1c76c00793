"""`ci-bot validate`: every error with its place, and nothing is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ask

VALID = "jobs: {test: {image: img, steps: [make]}}\n"
BROKEN = "jobs:\n  test:\n    step:\n      - make\n  other: 3\n"


def test_a_valid_file(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_text(VALID)
    answer = ask("validate")
    assert (answer.code, answer.out, answer.err) == (0, ".ci.yaml: valid\n", "")


def test_the_short_name_counts_where_the_other_is_missing(ask: Ask, here: Path) -> None:
    (here / ".ci.yml").write_text(VALID)
    assert ask("validate").out == ".ci.yml: valid\n"


def test_a_file_without_an_image_is_valid_since_the_server_may_have_one(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_text("jobs: {test: {steps: [make]}}\n")
    assert ask("validate").code == 0


def test_all_errors_of_all_files_with_line_and_column(ask: Ask, here: Path) -> None:
    (here / "one.yaml").write_text(BROKEN)
    (here / "two.yaml").write_text("jobs: {}\n")
    (here / "good.yaml").write_text(VALID)
    answer = ask("validate", "one.yaml", "two.yaml", "good.yaml")
    *problems, count = answer.out.splitlines()
    assert answer.code == 1
    assert count == f"{len(problems)} errors"
    assert any(p.startswith("one.yaml:3:5: jobs.test") and "steps" in p for p in problems)
    assert any(p.startswith("one.yaml:5:") for p in problems)
    assert any(p.startswith("two.yaml:1:") for p in problems)


def test_one_error_is_one_error(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_text("jobs: {}\n")
    assert ask("validate").out.splitlines()[-1] == "1 error"


def test_json_for_machines(ask: Ask, here: Path) -> None:
    (here / "one.yaml").write_text(BROKEN)
    (here / "good.yaml").write_text(VALID)
    answer = ask("validate", "--format", "json", "one.yaml", "good.yaml")
    one, good = json.loads(answer.out)["files"]
    assert (answer.code, good) == (1, {"file": "good.yaml", "errors": []})
    assert one["file"] == "one.yaml"
    assert all(set(e) == {"file", "path", "line", "column", "message", "hint"} for e in one["errors"])
    assert (one["errors"][0]["line"], one["errors"][0]["column"]) == (3, 5)


def test_a_file_that_is_not_there_is_one_line(ask: Ask) -> None:
    answer = ask("validate", "no.yaml")
    assert (answer.code, answer.words) == (
        2,
        "Error: no.yaml cannot be read: No such file or directory",
    )


def test_where_there_is_no_file_at_all_it_says_what_to_do(ask: Ask) -> None:
    answer = ask("validate")
    assert (answer.code, answer.words) == (
        2,
        "Error: there is no .ci.yaml here; name the file to check",
    )


def test_a_file_that_is_no_text_is_an_error_of_the_file(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_bytes(b"\xff\xfe\x00" * 100)
    assert ask("validate").code == 1


def test_included_files_are_read_from_the_top_of_the_repository(ask: Ask, here: Path) -> None:
    (here / ".git").mkdir()
    (here / "ci").mkdir()
    (here / ".ci.yaml").write_text("include: ci/a.yaml\n")
    (here / "ci" / "a.yaml").write_text(BROKEN)
    assert any(line.startswith("ci/a.yaml:3:5: ") for line in ask("validate").out.splitlines())
    (here / "ci" / "a.yaml").write_text(VALID)
    assert ask("validate").code == 0
    (here / "sub").mkdir()
    (here / "sub" / "other.yaml").write_text("include: ci/a.yaml\n")
    assert ask("validate", "sub/other.yaml").code == 0


def test_what_is_included_does_not_lead_out_of_the_repository(
    ask: Ask, here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "a.yaml"
    outside.write_text(VALID)
    (here / "a.yaml").symlink_to(outside)
    (here / ".ci.yaml").write_text("include: [a.yaml, none.yaml]\n")
    told = ask("validate").out
    assert '"a.yaml" leads out of the repository' in told
    assert '"none.yaml" is not there' in told
