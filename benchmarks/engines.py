"""Where the time of tagging goes on this CPU, and which runtime and settings are the fastest on it.

    python benchmarks/engines.py [--paragraphs 64] [--threads 1] [--rounds 3] [--batch-tokens 512,2048,8192]

Prints three tables for the texts of `speed.py`: the stages from text to written rows, the kinds of operations
inside OpenVINO's graph, and runtimes by batch size. Times are processor time, not wall time, so that another
job on the machine disturbs them little; with --threads 1 no thread spins while it waits.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from speed import operations, sample

from policylens.data.context import context_of
from policylens.data.records import Paragraph
from policylens.infer.classify import BATCH_TOKENS, Classifier, batches_of_like_length
from policylens.infer.engines.backends import Backend, OpenVinoBackend
from policylens.infer.engines.onnx_backend import OnnxBackend
from policylens.infer.engines.padding import pad_batch
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.output import rows_bytes
from policylens.infer.streams.rows import row_of
from policylens.models.bundle import Bundle, open_bundle
from policylens.models.encode import Encoding, PairEncoder, load_tokenizer
from policylens.models.export import write_export
from policylens.models.openvino_graph import build_graph, load_ranges

Batches = list[list[Encoding]]


def cpu_seconds(work: Callable[[], object], rounds: int) -> float:
    """Median processor time of all threads, the first time left out."""
    seconds = []
    for _ in range(rounds + 1):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds[1:])


def windows_of(bundle: Bundle, paragraphs: Sequence[Paragraph]) -> list[Encoding]:
    """The windows of all paragraphs."""
    encoder = PairEncoder(load_tokenizer(bundle.folder), max_tokens=bundle.config.max_tokens)
    texts = [par.text for par in paragraphs]
    pieces = encoder.encode([context_of(par) for par in paragraphs], texts)
    return [window for windows in pieces for window in windows]


def batches_of(windows: Sequence[Encoding], batch_tokens: int) -> Batches:
    """Batches as `Classifier` makes them."""
    return [
        [windows[at] for at in batch] for batch in batches_of_like_length(windows, batch_tokens=batch_tokens)
    ]


def stages(
    bundle: Bundle, paragraphs: Sequence[Paragraph], backend: Backend, rounds: int
) -> dict[str, float]:
    """Seconds of each stage."""
    windows = windows_of(bundle, paragraphs)
    batches = batches_of(windows, BATCH_TOKENS)
    tagged = list(Classifier(bundle, backend).classify(list(paragraphs)))
    rows = [row_of(item) for item in tagged]
    encoder = PairEncoder(load_tokenizer(bundle.folder), max_tokens=bundle.config.max_tokens)
    contexts, texts = [context_of(par) for par in paragraphs], [par.text for par in paragraphs]
    work: dict[str, Callable[[], object]] = {
        "tokenise": lambda: encoder.encode(contexts, texts),
        "sort and pad": lambda: [pad_batch(b, pad_id=1) for b in batches_of(windows, BATCH_TOKENS)],
        "model": lambda: list(backend.run(batches)),
        "rows": lambda: [row_of(item) for item in tagged],
        "JSON": lambda: rows_bytes(rows, TableFormat.JSONL),
    }
    return {name: cpu_seconds(step, rounds) for name, step in work.items()}


def kinds_of_operations(bundle: Bundle, batches: Batches, threads: int) -> dict[str, float]:
    """Share of the time inside OpenVINO by kind of operation, in [0, 1]."""
    import openvino as ov

    options: dict[str, Any] = {"PERF_COUNT": True, "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads}
    graph = build_graph(bundle, ranges=load_ranges(bundle))
    request = ov.Core().compile_model(graph, "CPU", options).create_infer_request()
    spent: Counter[str] = Counter()
    for batch in [batches[0], *batches]:
        request.infer(pad_batch(batch, pad_id=1))
        for item in request.get_profiling_info():
            spent[item.node_type] += item.real_time.total_seconds()
    total = sum(spent.values())
    return {kind: seconds / total for kind, seconds in spent.most_common(8)}


def runtimes(bundle: Bundle, folder: Path, threads: int) -> dict[str, Backend]:
    """The runtimes by name."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    found: dict[str, Backend] = {
        f"OpenVINO {precision}": OpenVinoBackend(bundle, precision=precision, threads=threads)
        for precision in ("fp32", "int8")
    }
    for precision in ("fp32", "int8"):
        write_export(bundle, folder / precision, backend="onnx", precision=precision)
        found[f"ONNX Runtime {precision}"] = OnnxBackend(open_bundle(folder / precision), threads=threads)
    write_export(bundle, folder / "dynamic", backend="onnx", precision="fp32")
    path = folder / "dynamic" / "model.onnx"
    quantize_dynamic(
        folder / "fp32" / "model.onnx",
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["MatMul"],
        extra_options={"DefaultTensorType": 1},
    )
    found["ONNX Runtime int8, dynamic"] = OnnxBackend(open_bundle(path.parent), threads=threads)
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="model folder; else the shipped one")
    parser.add_argument("--paragraphs", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-tokens", default="512,2048,8192")
    arguments = parser.parse_args()
    bundle, say = open_bundle(arguments.model), sys.stdout.write
    paragraphs = sample(arguments.paragraphs)
    windows = windows_of(bundle, paragraphs)
    total, n = sum(operations(bundle, window) for window in windows), len(paragraphs)
    with TemporaryDirectory() as name:
        found = runtimes(bundle, Path(name), arguments.threads)
        for stage, seconds in stages(bundle, paragraphs, found["OpenVINO int8"], arguments.rounds).items():
            say(f"{stage:28} {1000 * seconds / n:8.2f} ms a paragraph\n")
        shares = kinds_of_operations(bundle, batches_of(windows, BATCH_TOKENS), arguments.threads)
        for kind, share in shares.items():
            say(f"{kind:28} {share:8.1%}\n")
        for size in map(int, arguments.batch_tokens.split(",")):
            batches = batches_of(windows, size)
            padded = sum(pad_batch(batch, pad_id=1)["input_ids"].size for batch in batches)
            real = sum(len(window.ids) for window in windows) / padded
            say(f"batches of {size} tokens, {real:.0%} of them real\n")
            for runtime, backend in found.items():
                seconds = cpu_seconds(lambda b=backend, all=batches: list(b.run(all)), arguments.rounds)
                rate = total / seconds / 1e9
                say(f"{runtime:28} {1000 * seconds / n:8.1f} ms a paragraph, {rate:.1f} Gop/s\n")


if __name__ == "__main__":
    main()
