"""The board and the alerts ask for metrics, labels and label values that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from ci_bot.flow.meters import Meters
from tests.deploy.promtool import promtool
from tests.test_docs import table

DEPLOY = Path(__file__).parents[1] / "deploy"
BOARD = DEPLOY / "grafana" / "ci-bot.json"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BOARD.read_text())
    return found


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in board()["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in rules():
        yield rule["alert"], rule["expr"]


def known() -> dict[str, tuple[str, ...]]:
    """Name of a series → its labels."""
    meters = Meters()
    labels = {
        name: collector._labelnames  # type: ignore[attr-defined]
        for collector, names in meters.registry._collector_to_names.items()
        for name in names
    }
    return {
        metric.name + suffix: (*labels[metric.name], *(("le",) if suffix == "_bucket" else ()))
        for metric in meters.registry.collect()
        for suffix in SUFFIXES[metric.type]
    }


KNOWN = known()


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_expression_names_metrics_and_labels_that_there_are(where: str, expression: str) -> None:
    names = re.findall(r"ci_bot_\w+", expression)
    assert names
    assert set(names) <= set(KNOWN)
    labels = {label for name in names for label in KNOWN[name]}
    selected = re.findall(r"(\w+)\s*=~?\s*\"", expression)
    grouped = [
        label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")
    ]
    assert {*selected, *grouped} <= labels


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_selected_value_is_documented(where: str, expression: str) -> None:
    documented = " ".join(row[2] for row in table("docs/operations.md", "Health") if len(row) > 3)
    for label, value in re.findall(r"(\w+)=\"([^\"]*)\"", expression):
        assert label in documented
        assert re.search(rf"\b{re.escape(value)}\b", documented), value


def test_the_board_shows_every_metric_that_is_no_detail() -> None:
    shown = {name for _, text in expressions() for name in re.findall(r"ci_bot_\w+", text)}
    details = {
        "ci_bot_build_info",
        "ci_bot_removed_total",
        "ci_bot_jobs_running",
        "ci_bot_decided_total",
    }
    for metric in Meters().registry.collect():
        names = {metric.name + suffix for suffix in SUFFIXES[metric.type]}
        assert names & (shown | details), metric.name


def test_the_board_is_what_grafana_imports() -> None:
    found = board()
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(found)
    assert [variable["type"] for variable in found["templating"]["list"]] == ["datasource"]
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", "/dev/stdin", stdin=ALERTS.read_text())


def test_prometheus_has_nothing_to_say_about_the_metrics() -> None:
    """Names, units, help: also of a server that has run nothing yet."""
    promtool("check", "metrics", stdin=generate_latest(Meters().registry).decode())
