"""`ci-bot schema`: the JSON Schema of `.ci.yaml`; what it says stands in `tests/core/pipeline/test_schema.py`."""

from __future__ import annotations

import json
from pathlib import Path

from ci_bot.core.pipeline import json_schema
from tests.cli.conftest import Ask
from tests.rig import ROOT


def test_it_is_printed_as_the_documents_have_it(ask: Ask, here: Path) -> None:
    answer = ask("schema")
    assert (answer.code, answer.err) == (0, "")
    assert json.loads(answer.out) == json_schema()
    assert answer.out == (ROOT / "docs" / "schema.json").read_text(encoding="utf-8")
