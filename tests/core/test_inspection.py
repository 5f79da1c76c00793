"""What somebody who is to approve a stranger's commit is shown of it."""

from __future__ import annotations

from ci_bot.core.inspection import inspect
from ci_bot.core.pipeline import Reading, read

BASE = "jobs: {test: {steps: [make test, ./scripts/check.sh]}}\n"


def reading(text: str) -> Reading:
    return read(text.encode(), default_image="img")


def config(text: str | None, base: str | None = BASE) -> tuple[str, ...]:
    head = None if text is None else reading(text)
    return inspect(head, None if base is None else reading(base), [".ci.yaml"]).config


def test_a_change_that_leaves_the_file_alone_says_nothing_of_it() -> None:
    assert inspect(reading(BASE), reading(BASE), ["README.md"]).config == ()


def test_what_the_change_does_to_each_job_is_told() -> None:
    text = "on: push\njobs: {test: {steps: [make evil, ./scripts/check.sh]}, more: {steps: [x]}}\n"
    assert config(text) == (
        "changes what starts it",
        'adds job "more"',
        'changes job "test": scripts',
    )
    assert config("jobs: {other: {steps: [x]}}\n") == ('adds job "other"', 'removes job "test"')


def test_steps_that_come_and_go_are_told() -> None:
    assert config("jobs: {test: {steps: [make test]}}\n") == ('changes job "test": steps',)


def test_secrets_that_a_job_begins_to_ask_for_are_told() -> None:
    text = BASE.replace("test: {", "test: {secrets: [TOKEN], ")
    assert config(text) == ('changes job "test": secrets',)
    assert inspect(reading(text), reading(BASE), [".ci.yaml"]).secrets == ("TOKEN",)


def test_a_comment_in_the_file_changes_nothing_that_runs() -> None:
    assert config("# hello\n" + BASE) == ("changes nothing that runs",)


def test_added_removed_and_broken_files_are_told() -> None:
    assert config(BASE, base=None) == ("adds the file, with one job",)
    assert config(None) == ("removes the file",)
    assert config("jobs: 1\n") == ("breaks the file, so that nothing can run",)


def test_changed_files_that_the_steps_run_are_told() -> None:
    changed = ["docs/a.md", "Makefile", "scripts/check.sh", "src/rules.mk", "check.txt"]
    found = inspect(reading(BASE), reading(BASE), changed)
    assert found.files == ("Makefile", "scripts/check.sh", "src/rules.mk")
    assert found.changed == 5


def test_a_folder_that_a_script_names_is_run_with_all_in_it() -> None:
    base = reading("jobs: {test: {steps: [sh -c tools/]}}\n")
    assert inspect(base, base, ["tools/deep/x.py", "other/y.py"]).files == ("tools/deep/x.py",)


def test_three_thousand_files_are_no_matter() -> None:
    many = [f"src/file{number}.py" for number in range(3000)]
    assert inspect(reading(BASE), reading(BASE), many).changed == 3000


def test_filters_say_what_starts_it() -> None:
    text = "on: {push: {branches: main}, pull_request: }\n" + BASE
    assert config(text) == ("changes what starts it",)


def test_an_included_file_is_configuration() -> None:
    main = b"include: ci/a.yaml\n"

    def with_included(text: str) -> Reading:
        return read(main, default_image="img", included={"ci/a.yaml": text.encode()})

    changed = BASE.replace("make test", "ci/a.yaml")
    found = inspect(with_included(changed), with_included(BASE), ["ci/a.yaml"])
    assert (found.config, found.files) == (('changes job "test": scripts',), ())
