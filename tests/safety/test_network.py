"""Nothing of reading, tagging, digesting, training or scoring asks for a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from policylens.data.labels import LabelledParagraph

# Runs commands one after the other in a process in which nobody gets a connection. An audit hook sees every
# way to one that Python has; what a native library opened for itself would show in /proc.
WITHOUT_NETWORK = """
import json, os, sys

class Refused(BaseException):
    pass

asked = []

WAYS = ("connect", "getaddrinfo", "gethostbyname", "sendto", "bind")

def refuse(event, args):
    if event in [f"socket.{way}" for way in WAYS]:
        asked.append(f"{event} {args[1:]!r}"[:200])
        raise Refused(event)

sys.addaudithook(refuse)

def sockets():
    found = 0
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            pass
    return found

before = sockets()
from policylens.infer.cli import app
codes = []
for command in json.loads(sys.argv[1]):
    try:
        app(command, prog_name="policylens")
    except SystemExit as end:
        codes.append(end.code)
    except Refused:
        codes.append("refused")
left = sockets() - before
sys.stderr.write("\\n" + json.dumps({"codes": codes, "asked": asked, "left": left}))
"""


def run(*commands: list[object]) -> dict[str, object]:
    """Exit codes of the commands and what they asked of the network."""
    given = json.dumps([[str(word) for word in command] for command in commands])
    # Nothing tells the libraries to stay off the network.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS"))
    }
    environment |= {"TOKENIZERS_PARALLELISM": "false"}
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, given],
        capture_output=True, text=True, encoding="utf-8", timeout=600, env=environment,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    report: dict[str, object] = json.loads(process.stderr.splitlines()[-1]) | {"stderr": process.stderr}
    return report


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.txt"
    path.write_text(
        "行动方案\n\n加快建设绿色工厂，降低能耗排放，今年完成改造30家。\n\n支持农民种植粮食。\n",
        encoding="utf-8",
    )
    return path


def rows_file(path: Path, rows: list[LabelledParagraph]) -> Path:
    lines = [
        json.dumps({"text": row.paragraph.text, "theme": row.theme, "stance": row.stance}, ensure_ascii=False)
        for row in rows
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_no_command_connects(
    tiny_model: Path, tiny_rows: Callable[[int], list[LabelledParagraph]], page: Path, tmp_path: Path
) -> None:
    rows = rows_file(tmp_path / "rows.jsonl", tiny_rows(24))
    model = ["--model", tiny_model]
    settings = tmp_path / "settings.toml"
    settings.write_text("max_tokens = 64\ntrain_tokens = 64\n")
    train = ["train", "--mode", "linear", "--config", settings, "--base", tiny_model, "--data", rows]
    report = run(
        ["reflow", page],
        ["classify", page, *model, "-o", tmp_path / "tags.jsonl"],
        ["classify", page, *model, "--backend", "torch", "-o", tmp_path / "torch.parquet"],
        ["summarize", page, *model, "-o", tmp_path / "digest.html"],
        ["summarize", tmp_path / "tags.jsonl", *model, "-o", tmp_path / "digest.json"],
        ["evaluate", "--data", rows, *model],
        [*train, "-o", tmp_path / "mine"],
        ["model", "info", tiny_model],
        ["taxonomy"],
    )
    assert report["asked"] == []
    assert report["codes"] == [0] * 9, report["stderr"]
    assert report["left"] == 0
    assert (tmp_path / "digest.html").stat().st_size > 10_000
    # The page asks for nothing either when it is read.
    html = (tmp_path / "digest.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert not [word for word in ('src="http', 'href="http', "url(http", "@import") if word in html]


def test_the_shipped_model_does_not_connect(page: Path, tmp_path: Path) -> None:
    report = run(
        ["classify", page, "-o", tmp_path / "tags.jsonl"], ["summarize", page, "-o", tmp_path / "a.md"]
    )
    assert (report["asked"], report["codes"]) == ([], [0, 0])


def test_the_refusal_is_seen(page: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A server that the user names is asked for; else the tests above could not fail."""
    report = run(
        [
            "summarize",
            page,
            "--model",
            tiny_model,
            "--rewrite",
            "openai:m",
            "--base-url",
            "http://127.0.0.1:9/v1",
        ]
    )
    assert report["asked"]
