"""The pages of commands in the documentation are what `--help` says today."""

from __future__ import annotations

import runpy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "cli_reference.py"
# Older versions of Typer lay some names out in another way.
PAGES_MADE_WITH = (0, 29)


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT), run_name="cli_reference")


@pytest.mark.skipif(
    tuple(map(int, version("typer").split(".")[:2])) < PAGES_MADE_WITH, reason="the layout is newer"
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_is_up_to_date(language: str, script: dict[str, Any]) -> None:
    path = script["PAGES"][language]
    assert path.read_text(encoding="utf-8") == script["page"](language), "run scripts/cli_reference.py"
