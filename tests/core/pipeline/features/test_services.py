"""`services`."""

from __future__ import annotations

import pytest

from ci_bot.core.planned import Service
from tests.core.pipeline.examples import complaints, job, read_text

A, LONG = "jobs.build.services", "x" * 41


def services(written: str) -> tuple[Service, ...]:
    found = read_text(job(f"services: {written}")).pipeline
    assert found
    return found.jobs[0].services


def test_an_image_alone_or_with_what_it_needs() -> None:
    plain, whole = services(
        "{cache: redis:7, db: {image: postgres:16, env: {POSTGRES_PASSWORD: x, N: 1},"
        " ready: pg_isready -q, timeout: 90s}}"
    )
    assert plain == Service("cache", "redis:7", line=4)
    assert whole == Service(
        "db", "postgres:16", {"POSTGRES_PASSWORD": "x", "N": "1"}, "pg_isready -q", 90, line=4
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{Db: x}", f'4:16: {A}.Db: "Db" cannot be the name of a host; up to 40 small letters, digits and "-", which neither begins nor ends it'),
        ("{db: UP}", f'4:20: {A}.db: "UP" is not an image: the name must be in lower case; write "up"'),
        ("{db: {ready: x}}", f'4:16: {A}.db: "image" is missing; write its image, like "postgres:16"'),
        ("{db: {image: x, healthcheck: y}}", f'4:31: {A}.db.healthcheck: unknown key "healthcheck"; did you mean "ready"?'),
        ("{db: {image: x, env: {P: {secret: S}}}}", f'4:36: {A}.db.env: "P" is a secret, and services are given none; a service lives and dies with its job: any password will do'),
        ("[db]", f'4:15: {A}: must be a map, not a list; write "key: value" lines under it'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(written: str, told: str) -> None:
    assert complaints(job(f"services: {written}")) == [told]


def test_there_is_an_end_to_them() -> None:
    many = ", ".join(f"s{number}: x" for number in range(11))
    assert complaints(job(f"services: {{{many}}}")) == [
        f"4:5: {A}: 11 services; a job has at most 10; split the job"
    ]
