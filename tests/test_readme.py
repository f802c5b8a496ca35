"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policylens.infer.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_readme_opens_with_the_true_output_of_make_run() -> None:
    block = re.search(r"```console\n\$ make run\n(.*?)```", README, re.S)
    assert block
    shown = block[1].removesuffix("…\n")
    result = CliRunner().invoke(app, ["summarize", str(ROOT / "data/samples/binhe_industry_conference.txt")])
    assert result.exit_code == 0
    assert result.stdout.startswith(shown)


@pytest.mark.slow
def test_python_examples_print_what_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.S)
    assert len(blocks) == 2
    # One after the other, as a reader would: the second uses names of the first.
    names: dict[str, object] = {}
    for code, shown in blocks:
        exec(code, names)
        assert capsys.readouterr().out == shown


def test_every_command_of_the_readme_exists() -> None:
    lines = re.findall(r"^(?:cat \S+ \| )?policylens .*$", README, re.M)
    assert lines
    for line in lines:
        words = shlex.split(line.split("|")[-2 if "| head" in line else -1], comments=True)
        options = [word for word in words if word.startswith("--")]
        # `labels import` and its like: the options are the second word's.
        command = words[1:3] if words[1] in {"labels", "model"} else words[1:2]
        shown = CliRunner().invoke(app, [*command, "--help"])
        assert shown.exit_code == 0, line
        assert all(option in shown.stdout for option in options), line
