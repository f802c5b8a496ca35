"""How much memory training rows take: `policylens train` up to its first step, for growing files.

    python benchmarks/train_memory.py [--rows 100000,300000,1000000] [--in-memory]

Writes a file of that many made-up rows (150 characters, a previous paragraph of as many, 100 rows a
document), then does in a process of its own what `policylens train` does before the first step: reads the
task, splits it by document, weighs the labels, measures the length of every row and encodes a batch. Printed
are the time and the peak of the process's own memory (anonymous pages; those of the mapped file are the
system's to drop) above what the imports take. `--in-memory` keeps all rows as objects, for comparison.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import threading
import time
from pathlib import Path

_CHARS = (
    "加快建设绿色工厂降低能耗排放支持农民种植粮食发展乡村产业鼓励高校培养人才引进专家团队开展培训"
    "严禁违规推动全省各地企业会议要求继续做好工作，。"
)
_THEMES = ("green", "rural", "talent", "growth")
_STANCES = ("support", "restrict", "neutral")


def write_rows(path: Path, n_rows: int) -> None:
    """Made-up rows as JSON lines."""
    draw = random.Random(0)
    prev = ""
    with path.open("w", encoding="utf-8") as stream:
        for at in range(n_rows):
            text = "".join(draw.choices(_CHARS, k=150))
            row = {
                "id": f"r{at}",
                "doc": f"文件{at // 100}",
                "title": "关于推动高质量发展的若干意见",
                "text": text,
                "prev": prev,
                "theme": draw.choice(_THEMES),
                "stance": draw.choice(_STANCES),
            }
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            prev = text


def measure(path: Path, *, in_memory: bool) -> None:
    """Prepares a run in this process and prints its peak."""
    from policylens.data import stored_rows
    from policylens.data.taxonomy import load_taxonomy
    from policylens.models.config import ContextConfig
    from policylens.train import task as tasks
    from policylens.train.config import TrainConfig
    from policylens.train.dataset import Collator, EncodedRows
    from policylens.train.encoder import base_folder, pair_encoder
    from policylens.train.fit import split_training_data

    if in_memory:
        tasks.kept = list  # type: ignore[assignment]
    config = TrainConfig(base="policy-zh")
    with tempfile.TemporaryDirectory() as folder:
        encoder, pad_id = pair_encoder(base_folder(config.base), Path(folder), max_tokens=config.train_tokens)
        load_taxonomy()
        peak = Peak()
        began = time.perf_counter()
        task = tasks.read_task([path], tasks.Fields(), taxonomy_file=None)
        split = split_training_data(task.rows, None, config=config)
        rows = EncodedRows(
            split.train,
            encoder,
            taxonomy=task.taxonomy,
            config=config,
            context=ContextConfig(),
            training=True,
        )
        lengths = rows.lengths()
        Collator(pad_id=pad_id, pad_to=8)([rows[at] for at in range(16)])
        seconds = time.perf_counter() - began
    kind = "in a file" if isinstance(task.rows, stored_rows.StoredRows) else "as objects"
    print(  # noqa: T201
        f"{len(task.rows):>9,} rows {kind}, {sum(lengths) / len(lengths):.0f} tokens each: "
        f"{peak.megabytes:,.0f} MB more than the imports, {seconds:,.0f} s",
        flush=True,
    )


class Peak:
    """Looks at this process's anonymous memory ten times a second."""

    def __init__(self) -> None:
        """Start looking; what is in use now counts as nothing."""
        self._first = self._highest = anonymous_kb()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def megabytes(self) -> float:
        """The most so far, less the start."""
        return (max(self._highest, anonymous_kb()) - self._first) / 1024

    def _watch(self) -> None:
        while True:
            self._highest = max(self._highest, anonymous_kb())
            time.sleep(0.1)


def anonymous_kb() -> int:
    """Anonymous pages of this process in kB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def main() -> None:
    """Parse, write, measure each size in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="100000,300000,1000000")
    parser.add_argument("--in-memory", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        for n_rows in map(int, options.rows.split(",")):
            write_rows(path, n_rows)
            context = multiprocessing.get_context("spawn")
            process = context.Process(target=measure, args=(path,), kwargs={"in_memory": options.in_memory})
            process.start()
            process.join()


if __name__ == "__main__":
    main()
