"""Folders that cannot be written to, full disks, and two runs at once, on the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policylens.infer.cli import app

GREEN = "各地要推进绿色转型，三年内建成二十家绿色工厂，带动上下游企业一起降碳。"
DISK_BYTES = 400_000


def records(path: Path, n_records: int) -> Path:
    lines = [json.dumps({"text": f"{n}。{GREEN}", "n": n}, ensure_ascii=False) for n in range(n_records)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "policylens.infer", *map(str, words)]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        command(*words), capture_output=True, text=True, encoding="utf-8", timeout=300, env=environment
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that holds next to nothing."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def locked_disk(small_disk: Path) -> Iterator[Path]:
    """The same without the right to write, which root has in folders of any mode."""
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    if subprocess.run(remount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted read-only here")
    yield small_disk


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_full_disk_ends_in_one_line_and_the_run_goes_on(
    form: str, small_disk: Path, tiny_model: Path, tmp_path: Path
) -> None:
    source = records(tmp_path / "a.jsonl", 1000)
    out = small_disk / f"out.{form}"
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (DISK_BYTES - 120_000))
    words = ["classify", source, "-o", out, "--model", tiny_model, "--checkpoint", "64"]
    stopped = run(*words)
    assert stopped.returncode == 1, stopped.stderr
    assert stopped.stderr.splitlines()[-1].startswith(f"error: cannot write {out}: No space left on device")
    assert "Traceback" not in stopped.stderr
    assert not out.exists()
    filler.unlink()
    # Joining the parts of Parquet needs twice the room.
    grown = ["mount", "-o", "remount,size=8000000", str(small_disk)]
    assert subprocess.run(grown, capture_output=True).returncode == 0
    resumed = run(*words, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    whole = tmp_path / f"whole.{form}"
    assert run(*words[:2], "-o", whole, *words[4:]).returncode == 0
    assert out.read_bytes() == whole.read_bytes()


def test_a_full_disk_for_a_digest(small_disk: Path, tiny_model: Path, tmp_path: Path) -> None:
    page = tmp_path / "a.txt"
    page.write_text(GREEN, encoding="utf-8")
    (small_disk / "filler").write_bytes(b"x" * (DISK_BYTES // 4096 * 4096 - 4096))
    out = small_disk / "digest.html"
    stopped = run("summarize", page, "-o", out, "--model", tiny_model)
    assert stopped.returncode in (1, 2), stopped.stderr
    assert f"error: cannot write {out}: No space left on device" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler"]


@pytest.mark.parametrize(
    "words",
    [
        ["classify", "{page}", "--model", "{model}", "-o", "{disk}/tags.jsonl"],
        ["classify", "{page}", "--model", "{model}", "-o", "{disk}/tags.parquet"],
        ["summarize", "{page}", "--model", "{model}", "-o", "{disk}/digest.md"],
    ],
    ids=["jsonl", "parquet", "digest"],
)
def test_a_folder_without_the_right_to_write(
    words: list[str], locked_disk: Path, tiny_model: Path, tmp_path: Path
) -> None:
    page = tmp_path / "a.txt"
    page.write_text(GREEN, encoding="utf-8")
    places = {"page": page, "model": tiny_model, "disk": locked_disk}
    stopped = run(*(word.format(**places) for word in words))
    assert stopped.returncode in (1, 2), stopped.stderr
    assert "error: cannot write" in stopped.stderr
    assert "Read-only file system" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_model_can_lie_where_nothing_can_be_written(
    tiny_model: Path, small_disk: Path, tmp_path: Path
) -> None:
    assert subprocess.run(["mount", "-o", "remount,size=8000000", str(small_disk)]).returncode == 0
    folder = shutil.copytree(tiny_model, small_disk / "model")
    assert subprocess.run(["mount", "-o", "remount,ro", str(small_disk)]).returncode == 0
    page = tmp_path / "a.txt"
    page.write_text(GREEN, encoding="utf-8")
    for words in (["classify", page], ["summarize", page], ["model", "info", folder]):
        more = ["--model", folder] if words[0] != "model" else []
        done = run(*words, *more)
        assert done.returncode == 0, done.stderr


def test_two_runs_into_one_folder_of_a_digest(tiny_model: Path, tmp_path: Path) -> None:
    """Reports have no lock: each is written beside its place and put there whole."""
    page = tmp_path / "a.txt"
    page.write_text(GREEN, encoding="utf-8")
    out = tmp_path / "out" / "digest.md"
    out.parent.mkdir()
    words = command("summarize", page, "-o", out, "--model", tiny_model)
    both = [subprocess.Popen(words, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
    assert [path.name for path in out.parent.iterdir()] == ["digest.md"]
    alone = CliRunner().invoke(app, ["summarize", str(page), "--model", str(tiny_model)])
    assert out.read_text(encoding="utf-8") == alone.stdout
