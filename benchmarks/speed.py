"""How fast paragraphs are tagged: `Classifier` beside plain transformers on the same model, interleaved.

    python benchmarks/speed.py [--data F.jsonl] [--paragraphs 300] [--rounds 3]

Plain transformers is what a user would write: tokenizer and model in float32, batches of 32 in input order,
each padded to its longest. Both are timed warm, from text to labels; the median of the rounds is printed.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer

from policylens.data.context import context_of
from policylens.data.read import read_document, read_records
from policylens.data.records import Paragraph
from policylens.data.reflow import reflow
from policylens.infer.classify import Classifier
from policylens.models.bundle import load_network, open_bundle

SAMPLE = Path(__file__).parent.parent / "data" / "samples" / "binhe_industry_conference.txt"
_PLAIN_BATCH = 32

Labels = list[tuple[str, str]]


def load_paragraphs(data: Path | None, n_paragraphs: int) -> list[Paragraph]:
    """Body paragraphs of a record file or of the shipped sample, repeated until there are enough."""
    found: Sequence[object] = list(read_records(data)) if data else reflow(read_document(SAMPLE))
    body = [item for item in found if isinstance(item, Paragraph) and item.kind == "body"]
    return list(itertools.islice(itertools.cycle(body), n_paragraphs))


def plain_transformers(model: str | None) -> Callable[[Sequence[Paragraph]], Labels]:
    """A function that labels paragraphs with padded float32 batches in input order."""
    bundle = open_bundle(model)
    tokenizer, network = AutoTokenizer.from_pretrained(bundle.folder), load_network(bundle)
    themes, stances = bundle.taxonomy.theme_ids, bundle.taxonomy.stance_ids

    def label(paragraphs: Sequence[Paragraph]) -> Labels:
        found: Labels = []
        for at in range(0, len(paragraphs), _PLAIN_BATCH):
            batch = paragraphs[at : at + _PLAIN_BATCH]
            inputs = tokenizer(
                [context_of(par) for par in batch],
                [par.text for par in batch],
                padding=True,
                truncation="only_second",
                max_length=bundle.config.max_tokens,
                return_tensors="pt",
            )
            with torch.inference_mode():
                logits = network(**inputs)
            theme = logits["theme"].argmax(1).tolist()
            stance = logits["stance"].argmax(1).tolist()
            found += [(themes[t], stances[s]) for t, s in zip(theme, stance, strict=True)]
        return found

    return label


def ours(model: str | None) -> Callable[[Sequence[Paragraph]], Labels]:
    """A function that labels paragraphs as `policylens classify` does."""
    classifier = Classifier.load(model, device="cpu")
    return lambda paragraphs: [(tagged.theme, tagged.stance) for tagged in classifier.classify(paragraphs)]


def main() -> None:
    """Print paragraphs a second, the ratio, and on how many paragraphs both give the same labels."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="records with a text; else the shipped sample")
    parser.add_argument("--model", help="model folder; else the shipped one")
    parser.add_argument("--paragraphs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    paragraphs = load_paragraphs(arguments.data, arguments.paragraphs)
    ways = {"plain transformers": plain_transformers(arguments.model), "policylens": ours(arguments.model)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    labels: dict[str, Labels] = {}
    for way in ways.values():
        way(paragraphs[:64])
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            labels[name] = way(paragraphs)
            seconds[name].append(time.perf_counter() - began)
    rates = {name: len(paragraphs) / statistics.median(times) for name, times in seconds.items()}
    plain, fast = labels.values()
    same = [sum(a[i] == b[i] for a, b in zip(plain, fast, strict=True)) / len(plain) for i in (0, 1)]
    for name, rate in rates.items():
        sys.stdout.write(f"{name:20} {rate:8.1f} paragraphs/s\n")
    sys.stdout.write(f"ratio {rates['policylens'] / rates['plain transformers']:.1f}\n")
    sys.stdout.write(f"same theme {same[0]:.1%}, same stance {same[1]:.1%}\n")


if __name__ == "__main__":
    main()
