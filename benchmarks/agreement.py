"""Whether the engines give a paragraph the same labels: shares of equal themes and stances beside float32.

    python benchmarks/agreement.py --data records.jsonl [--paragraphs 5000] [--longest 140] [--model DIR]
                                   [--engines onnx-int8 openvino-int8 torch-fp32]

Records have `text` and may have `title`. A random sample of those with 20 to `--longest` characters is tagged
by each engine and compared with OpenVINO in float32.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from policylens.data.read import read_records
from policylens.data.records import Paragraph
from policylens.infer.classify import Classifier
from policylens.infer.engines.backends import Backend, OnnxBackend, OpenVinoBackend, TorchBackend
from policylens.models.bundle import Bundle, open_bundle

ENGINES: dict[str, Callable[[Bundle], Backend]] = {
    "openvino-fp32": lambda bundle: OpenVinoBackend(bundle, precision="fp32"),
    "openvino-int8": lambda bundle: OpenVinoBackend(bundle, precision="int8"),
    "onnx-int8": OnnxBackend,
    "torch-fp32": lambda bundle: TorchBackend(bundle, device="cpu"),
}
_REFERENCE = "openvino-fp32"
_SHORTEST = 20

Labels = list[tuple[str, str]]


def sample(path: Path, n_paragraphs: int, longest: int) -> list[Paragraph]:
    """Random paragraphs of a record file, the same ones every time."""
    fitting = [
        row
        for row in read_records(path)
        if isinstance(row, Paragraph) and _SHORTEST <= len(row.text) <= longest
    ]
    random.Random(5).shuffle(fitting)
    return fitting[:n_paragraphs]


def labels(bundle: Bundle, engine: str, paragraphs: Sequence[Paragraph]) -> tuple[Labels, float]:
    """Theme and stance of each paragraph, and the processor time that it took in seconds."""
    classifier = Classifier(bundle, ENGINES[engine](bundle))
    began = time.process_time()
    found = [(item.theme, item.stance) for item in classifier.classify(list(paragraphs))]
    return found, time.process_time() - began


def main() -> None:
    """Tag with each engine and print the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="JSONL records with text and title")
    parser.add_argument("--paragraphs", type=int, default=5000)
    parser.add_argument("--longest", type=int, default=100_000, help="characters")
    parser.add_argument("--model", help="model folder; else the shipped one")
    parser.add_argument("--engines", nargs="+", default=["onnx-int8", "openvino-int8"], choices=list(ENGINES))
    arguments = parser.parse_args()
    bundle = open_bundle(arguments.model)
    paragraphs = sample(arguments.data, arguments.paragraphs, arguments.longest)
    reference, seconds = labels(bundle, _REFERENCE, paragraphs)
    sys.stdout.write(f"{len(paragraphs)} paragraphs; {_REFERENCE} {seconds:.0f} s of processor time\n")
    for engine in arguments.engines:
        found, seconds = labels(bundle, engine, paragraphs)
        pairs = list(zip(reference, found, strict=True))
        for part, name in enumerate(("themes", "stances")):
            same = sum(ours[part] == theirs[part] for ours, theirs in pairs)
            sys.stdout.write(
                f"{engine:14} {name:8} {same:6} of {len(pairs)} equal, {same / len(pairs):.2%}\n"
            )
        sys.stdout.write(f"{engine:14} {seconds:.0f} s of processor time\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
