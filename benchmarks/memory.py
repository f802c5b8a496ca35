"""Memory of `policylens classify` over a long input: resident size while paragraphs go by, for each format.

    python benchmarks/memory.py [--paragraphs 1000000] [--formats jsonl parquet csv] [--backend instant|real]
                                [--longest 440]

The input is made by varying the shipped sample page, so that no two records are equal. `instant` answers
every batch at once: everything but the arithmetic of the model runs as usual (reading, tokenising, batching,
scoring, writing, journal), which makes a million paragraphs a matter of minutes. `real` runs the model. Each
format runs in a process of its own; resident size is that of `/proc/self/statm`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from policylens.data.read import read_document
from policylens.data.reflow import reflow
from policylens.infer import Classifier
from policylens.infer.engines.backends import Logits
from policylens.infer.pipeline import classify_to
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.progress import Meter, Snapshot
from policylens.models.bundle import Bundle, open_bundle
from policylens.models.encode import Encoding

SAMPLE = Path(__file__).parent.parent / "data" / "samples" / "binhe_industry_conference.txt"
_POINTS = 10
_PER_DOCUMENT = 20
_SHORTEST = 40


class InstantBackend:
    """Gives logits that depend on the token ids a little and take no time."""

    name = "instant"
    precision = "none"

    def __init__(self, bundle: Bundle) -> None:
        taxonomy = bundle.taxonomy
        self._heads = {
            "theme": len(taxonomy.theme_ids),
            "also": len(taxonomy.theme_ids),
            "stance": len(taxonomy.stance_ids),
        }

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch."""
        for batch in batches:
            seeds = np.array([encoding.ids[len(encoding.ids) // 2] for encoding in batch], np.float32)
            yield {
                head: np.cos(seeds[:, None] + np.arange(width, dtype=np.float32))
                for head, width in self._heads.items()
            }


def say(line: str) -> None:
    """Print a line at once: a curve is watched while it grows."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def resident_mb() -> float:
    """Resident size of this process in MB (1,000,000 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def write_input(path: Path, n_paragraphs: int, longest: int) -> None:
    """A JSONL file of varied paragraphs of up to `longest` characters, written as a stream."""
    texts = [par.text for par in reflow(read_document(SAMPLE)) if par.kind == "body"]
    with path.open("w", encoding="utf-8") as stream:
        for number, text in enumerate(itertools.islice(itertools.cycle(texts), n_paragraphs)):
            doc, para = divmod(number, _PER_DOCUMENT)
            record = {
                "doc": f"文件{doc}",
                "para": para + 1,
                "title": f"第{doc}号会议纪要",
                "text": f"{number}年，{text}"[: _SHORTEST + number * 37 % (longest - _SHORTEST)],
                "source": {"批次": number % 97},
            }
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def measure(source: Path, form: str, n_paragraphs: int, backend: str) -> None:
    """Tag a file in this process and print its resident size along the way."""
    bundle = open_bundle()
    classifier = Classifier(bundle, InstantBackend(bundle)) if backend == "instant" else Classifier.load()
    began = time.perf_counter()
    peak = loaded = resident_mb()
    every = max(1, n_paragraphs // _POINTS)
    say(f"\n{form}, {backend} model: {loaded:.0f} MB with the model loaded")

    class Points(Meter):
        done = 0

        def count(self, item: object, share: float | None = None) -> None:
            nonlocal peak
            self.done += 1
            if self.done % 500 == 0:
                peak = max(peak, resident_mb())
            if self.done % every == 0:
                seconds = time.perf_counter() - began
                say(f"{self.done:>12,} {resident_mb():>8.0f} MB {seconds:>8.0f} s")

    def nothing(_: Snapshot) -> None:
        return

    @contextmanager
    def metered(*, start_share: float = 0.0) -> Iterator[Meter]:
        yield Points(nothing, every_s=1e9)

    out = source.with_name(f"tags.{form}")
    classify_to(out, [str(source)], lambda: classifier, form=TableFormat(form), metered=metered)
    size_mb = out.stat().st_size / 1e6
    say(f"{form}: peak {max(peak, resident_mb()):.0f} MB, {size_mb:,.0f} MB written")
    out.unlink()


def main() -> None:
    """Parse, make the input, measure each format in its own process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paragraphs", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", default=["jsonl", "parquet"], choices=list(TableFormat))
    parser.add_argument("--backend", choices=["instant", "real"], default="instant")
    parser.add_argument("--longest", type=int, default=440, help="characters of the longest paragraph")
    args = parser.parse_args()
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "paragraphs.jsonl"
        write_input(source, args.paragraphs, args.longest)
        say(f"{args.paragraphs:,} paragraphs, {source.stat().st_size / 1e6:,.0f} MB")
        for form in args.formats:
            worker = processes.Process(target=measure, args=(source, form, args.paragraphs, args.backend))
            worker.start()
            worker.join()
            if worker.exitcode:
                sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
