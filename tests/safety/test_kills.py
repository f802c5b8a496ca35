"""A run of the command line that is killed thirty times writes the bytes of one that was not.

Not in the default run: `pytest -m slow tests/safety/test_kills.py`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLS = 30
RECORDS = 3000
GREEN = "各地要推进绿色转型，三年内建成二十家绿色工厂，带动上下游企业一起降碳。"


@pytest.fixture(autouse=True)
def only_if_asked_for(request: pytest.FixtureRequest) -> None:
    if "slow" not in str(request.config.getoption("markexpr")):
        pytest.skip("takes minutes; give -m slow")


class Run:
    """One command, started as often as need be.

    Args:
        words: The command without `--resume`.
        out: The output that it writes.
    """

    def __init__(self, words: list[object], out: Path) -> None:
        self.words, self.out = [sys.executable, "-m", "policylens.infer", *map(str, words)], out

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        return subprocess.Popen([*self.words, *more], stderr=subprocess.PIPE, env=environment)

    def finish(self, *more: str) -> None:
        process = self.start(*more)
        _, error = process.communicate(timeout=600)
        # One record is broken, so that a whole run ends with 1.
        assert process.returncode == 1, error

    def kill(self, chance: random.Random) -> bool:
        """Starts it, kills it somewhere; gives whether the kill came before its end."""
        process = self.start("--resume")
        journal = self.out.with_name(self.out.name + ".parts") / "journal.jsonl"
        before = journal.stat().st_size if journal.exists() else -1
        until = time.monotonic() + 120
        # Most kills after some shards more; some in the start, before the first one.
        shards = chance.choice([0, 1, 1, 2, 3])
        while process.poll() is None and time.monotonic() < until and shards:
            size = journal.stat().st_size if journal.exists() else -1
            if size > before:
                before, shards = size, shards - 1
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        _, error = process.communicate(timeout=60)
        assert process.returncode in (-signal.SIGKILL, 1), error
        return process.returncode != 1


def left(out: Path) -> dict[str, bytes]:
    """What a run leaves, but for its journal and the lock that a kill leaves."""
    names = (".journal", ".lock")
    return {path.name: path.read_bytes() for path in out.parent.iterdir() if path.suffix not in names}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_thirty_random_kills(form: str, tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": f"{n}。{GREEN}", "n": n}, ensure_ascii=False) for n in range(RECORDS)]
    lines[70] = '{"text": 5}'
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    runs = []
    for name in ("whole", "killed"):
        out = tmp_path / name / f"out.{form}"
        out.parent.mkdir()
        words = ["--quiet", "classify", source, "-o", out, "--model", tiny_model, "--device", "cpu"]
        runs.append(Run([*words, "--checkpoint", "64"], out))
    whole, killed = runs
    whole.finish()
    expected = left(whole.out)
    assert set(expected) == {f"out.{form}", f"out.{form}.errors.jsonl"}
    chance, hits = random.Random(form), 0
    while hits < KILLS:
        if killed.kill(chance):
            hits += 1
            continue
        assert left(killed.out) == expected
        for path in killed.out.parent.iterdir():
            path.unlink()
    killed.finish("--resume")
    assert left(killed.out) == expected
