"""How fast paragraphs are tagged, beside what a user would pick otherwise; same texts, interleaved.

    python benchmarks/speed.py [--paragraphs 5000] [--slow-paragraphs 200] [--rounds 3] [--device cuda]

Texts have 20 to 600 characters, log-uniform, cut out of the labelled paragraphs in data/labeled. The ways:

  a  transformers pipeline, a randomly initialised 12 x 768 BERT with a Chinese vocabulary
  b  transformers pipeline on our model, its theme head only
  c  ONNX Runtime, our model in int8, batches of 32 in input order (CPU only, needs the extra [onnx])
  d  `policylens classify in.jsonl -o out.jsonl`, from start-up to the last byte written

The pipelines take one text at a time, which is their default (--pipeline-batch for others). a, b and c are
timed warm, without start-up, on fewer texts; d with everything. Medians of the rounds.

Then: the share of the machine's int8 matrix peak inside the model (real tokens only, padding counts as lost),
the cost of one 500-character text in each batch of 32 short ones, start-up to the first result, `--help`.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from peaks import cpu_peak, gpu_peak

from policylens.data.context import context_of
from policylens.data.read import read_records
from policylens.data.records import Paragraph
from policylens.infer.classify import BATCH_TOKENS, Classifier, batches_of_like_length
from policylens.infer.engines.backends import Backend
from policylens.infer.engines.padding import pad_batch
from policylens.models.bundle import Bundle, load_network, open_bundle
from policylens.models.encode import Encoding, PairEncoder, load_tokenizer

if TYPE_CHECKING:
    from torch import Tensor

LABELLED = Path(__file__).parent.parent / "data" / "labeled"
_SHORTEST, _LONGEST = 20, 600
_PLAIN_BATCH = 32
_OUTLIER_CHARS, _SHORT_CHARS = 500, 90
_COMMAND = (sys.executable, "-m", "policylens.infer")

Way = Callable[[Sequence[Paragraph]], list[str]]


@dataclass(frozen=True, slots=True)
class Timed:
    """One way with its rates in paragraphs a second, round by round, and the themes it gave."""

    name: str
    n: int
    rates: list[float]
    themes: list[str]

    @property
    def rate(self) -> float:
        """Median paragraphs a second."""
        return statistics.median(self.rates)


def sample(n_paragraphs: int, *, seed: int = 7) -> list[Paragraph]:
    """Paragraphs of 20 to 600 characters, log-uniform, with titles; the same ones for a seed.

    Each begins at a random labelled paragraph and goes on into the ones after it as far as is needed.
    """
    rows = [
        row
        for name in ("train", "dev", "test")
        for row in read_records(LABELLED / f"{name}.jsonl")
        if isinstance(row, Paragraph)
    ]
    rng = random.Random(seed)
    found = []
    for number in range(n_paragraphs):
        n_chars = round(_SHORTEST * (_LONGEST / _SHORTEST) ** rng.random())
        at = rng.randrange(len(rows))
        title, text = rows[at].title, rows[at].text
        while len(text) < n_chars:
            at = (at + 1) % len(rows)
            text += rows[at].text
        found.append(Paragraph("speed", number + 1, "body", text[:n_chars], title=title))
    return found


def random_bert(texts: Sequence[str], *, batch: int, device: str) -> Way:
    """a: a pipeline on an untrained BERT-base whose vocabulary is the characters of the texts."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer, pipeline

    characters = sorted(set("".join(texts)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text(
            "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]), encoding="utf-8"
        )
        tokenizer = BertTokenizer(str(path), model_max_length=512)
    # 21,128 is the vocabulary of the Chinese BERT-base; only the characters seen are ever looked up.
    network = BertForSequenceClassification(BertConfig(vocab_size=21128, num_labels=22)).eval()
    pipe = pipeline("text-classification", model=network, tokenizer=tokenizer, device=device)

    def label(paragraphs: Sequence[Paragraph]) -> list[str]:
        found = pipe([par.text for par in paragraphs], batch_size=batch, truncation=True)
        return [item["label"] for item in found]

    return label


def our_pipeline(bundle: Bundle, *, batch: int, device: str) -> Way:
    """b: a pipeline on our weights, with the theme head as its only head."""
    from transformers import AutoTokenizer, BertPreTrainedModel, pipeline
    from transformers.modeling_outputs import SequenceClassifierOutput
    from transformers.utils import logging

    themes = bundle.taxonomy.theme_ids
    network = load_network(bundle)

    class Themes(BertPreTrainedModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(network.encoder.config)
            self.network = network

        def forward(self, **inputs: Tensor) -> SequenceClassifierOutput:
            names = ("input_ids", "attention_mask", "token_type_ids")
            return SequenceClassifierOutput(
                logits=self.network(**{name: inputs[name] for name in names})["theme"]
            )

    # The pipeline does not know this class and would list all that it knows.
    logging.set_verbosity_error()
    model = Themes().eval()
    model.config.id2label = dict(enumerate(themes))
    tokenizer = AutoTokenizer.from_pretrained(bundle.folder, trust_remote_code=False)
    # The heads read the second text of a pair only, which the token types tell.
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device=device)
    options = {"batch_size": batch, "truncation": True, "max_length": bundle.config.max_tokens}

    def label(paragraphs: Sequence[Paragraph]) -> list[str]:
        pairs = [{"text": context_of(par), "text_pair": par.text} for par in paragraphs]
        return [item["label"] for item in pipe(pairs, **options)]

    return label


def plain_onnx(bundle: Bundle, folder: Path) -> Way:
    """c: ONNX Runtime on the int8 export as it comes: all cores, padded batches of 32 in input order."""
    from onnxruntime import InferenceSession

    from policylens.models.export import ONNX_FILE, write_export

    write_export(bundle, folder, backend="onnx", precision="int8")
    session = InferenceSession(folder / ONNX_FILE, providers=["CPUExecutionProvider"])
    pad_id = int(bundle.encoder_config.get("pad_token_id") or 0)
    encoder, themes = _encoder(bundle), bundle.taxonomy.theme_ids

    def label(paragraphs: Sequence[Paragraph]) -> list[str]:
        found: list[str] = []
        for at in range(0, len(paragraphs), _PLAIN_BATCH):
            batch = paragraphs[at : at + _PLAIN_BATCH]
            windows = [encoder.encode_shortened(context_of(par), par.text) for par in batch]
            (logits,) = session.run(["theme"], pad_batch(windows, pad_id=pad_id))
            found += [themes[best] for best in logits.argmax(1)]
        return found

    return label


def our_command(folder: Path, *, model: str | None, device: str) -> Way:
    """d: the command, from file to file; writing its input and reading its output do not count."""
    source, out = folder / "in.jsonl", folder / "out.jsonl"

    def label(paragraphs: Sequence[Paragraph]) -> list[str]:
        _write(paragraphs, source)
        arguments = ["-q", "classify", str(source), "-o", str(out), "--device", device]
        began = time.perf_counter()
        subprocess.run([*_COMMAND, *arguments, *(["--model", model] if model else [])], check=True)
        label.seconds = time.perf_counter() - began  # type: ignore[attr-defined]
        return [json.loads(line)["theme"] for line in out.read_text(encoding="utf-8").splitlines()]

    return label


def _write(paragraphs: Sequence[Paragraph], path: Path) -> None:
    lines = [
        json.dumps({"text": par.text, "title": par.title, "doc": par.doc}, ensure_ascii=False)
        for par in paragraphs
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(ways: dict[str, tuple[Way, int]], paragraphs: Sequence[Paragraph], rounds: int) -> list[Timed]:
    """Time each way on its number of paragraphs, one after the other, round by round."""
    timed = {name: Timed(name, n, [], []) for name, (_, n) in ways.items()}
    for name, (way, _) in ways.items():
        if not name.startswith("d"):
            way(paragraphs[:8])
    for number in range(rounds):
        for name, (way, n) in ways.items():
            began = time.perf_counter()
            themes = way(paragraphs[:n])
            seconds = getattr(way, "seconds", time.perf_counter() - began)
            timed[name].rates.append(n / seconds)
            timed[name].themes[:] = themes
            sys.stderr.write(f"round {number + 1}: {name}: {n / seconds:.1f}/s\n")
    return list(timed.values())


def operations(bundle: Bundle, encoding: Encoding) -> float:
    """Multiplications and additions of the matrix products for one window, its real tokens only."""
    config = bundle.encoder_config
    hidden, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    n_tokens = len(encoding.ids)
    # Four projections, two feed-forward layers, and attention's two products, whose size grows with length.
    a_token = 4 * hidden * hidden + 2 * hidden * inner + 2 * n_tokens * hidden
    return 2.0 * n_tokens * int(config["num_hidden_layers"]) * a_token


def model_rate(bundle: Bundle, backend: Backend, paragraphs: Sequence[Paragraph], rounds: int) -> float:
    """Operations a second on real tokens, of the runtime alone: tokenised before, batched as always."""
    encoder = _encoder(bundle)
    contexts, texts = [context_of(par) for par in paragraphs], [par.text for par in paragraphs]
    windows = [window for pieces in encoder.encode(contexts, texts) for window in pieces]
    size = getattr(backend, "batch_tokens", None) or BATCH_TOKENS
    batches = [[windows[at] for at in batch] for batch in batches_of_like_length(windows, batch_tokens=size)]
    total = sum(operations(bundle, window) for window in windows)
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        for _ in backend.run(batches):
            pass
        seconds.append(time.perf_counter() - began)
    return total / statistics.median(seconds[1:])


def outlier_cost(classifier: Classifier, paragraphs: Sequence[Paragraph], rounds: int) -> float:
    """Time with one long text in each 32 short ones over the time without, all else alike."""
    text = "".join(par.text for par in paragraphs)
    n = min(512, max(64, len(paragraphs) // 4))

    def make(at: int, n_chars: int) -> Paragraph:
        start = at * 37 % max(1, len(text) - n_chars)
        return Paragraph("outlier", at + 1, "body", text[start : start + n_chars])

    short = [make(at, _SHORT_CHARS) for at in range(n)]
    mixed = [make(at, _OUTLIER_CHARS if at % _PLAIN_BATCH == 0 else _SHORT_CHARS) for at in range(n)]
    ratios = []
    list(classifier.classify(short[:64]))
    for _ in range(rounds):
        seconds = []
        for texts in (short, mixed):
            began = time.perf_counter()
            list(classifier.classify(texts))
            seconds.append(time.perf_counter() - began)
        ratios.append(seconds[1] / seconds[0])
    return statistics.median(ratios)


def first_result(folder: Path, *, model: str | None, device: str, rounds: int) -> float:
    """Seconds from the start of the command to its first line, for one short file."""
    page = folder / "one.txt"
    page.write_text("严禁以技改名义新增印染产能，严控高耗能项目落地。\n", encoding="utf-8")
    command = [
        *_COMMAND,
        "-q",
        "classify",
        str(page),
        "--device",
        device,
        *(["--model", model] if model else []),
    ]
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def help_time(rounds: int) -> float:
    """Seconds of `policylens --help`."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([*_COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _encoder(bundle: Bundle) -> PairEncoder:
    return PairEncoder(load_tokenizer(bundle.folder), max_tokens=bundle.config.max_tokens)


def machine(device: str) -> str:
    """The hardware in words."""
    if device == "cuda":
        import torch

        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    flags = ""
    if (info := Path("/proc/cpuinfo")).exists():
        text = info.read_text(encoding="utf-8")
        names = {line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")}
        known = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "avx512_bf16", "amx_bf16")
        words = set(text.split())
        flags = f"{', '.join(sorted(names))}, {' '.join(name for name in known if name in words)}"
    from os import cpu_count

    return f"{cpu_count()} CPUs, {flags or platform.processor()}"


def _ways(
    arguments: argparse.Namespace, bundle: Bundle, paragraphs: Sequence[Paragraph], folder: Path
) -> dict[str, tuple[Way, int]]:
    slow, batch = arguments.slow_paragraphs, arguments.pipeline_batch
    device = "cuda" if arguments.device == "cuda" else "cpu"
    texts = [par.text for par in paragraphs]
    made: dict[str, Callable[[], tuple[Way, int]]] = {
        "a": lambda: (random_bert(texts, batch=batch, device=device), slow),
        "b": lambda: (our_pipeline(bundle, batch=batch, device=device), slow),
        "c": lambda: (plain_onnx(bundle, folder / "onnx"), slow),
        "d": lambda: (our_command(folder, model=arguments.model, device=device), len(paragraphs)),
    }
    names = {
        "a": "a  pipeline, random 12 x 768 BERT",
        "b": "b  pipeline, our model",
        "c": "c  ONNX Runtime int8, plain",
        "d": "d  policylens classify, file to file",
    }
    wanted = [way for way in arguments.ways if not (way == "c" and device == "cuda")]
    return {names[way]: made[way]() for way in wanted}


def _report(timed: Sequence[Timed]) -> list[str]:
    lines = [
        f"{item.name:40} {item.rate:9.1f} paragraphs/s  ({item.n} paragraphs, "
        f"{min(item.rates):.1f}–{max(item.rates):.1f})"
        for item in timed
    ]
    ours = next((item for item in timed if item.name.startswith("d")), None)
    for item in timed:
        if ours is not None and item is not ours:
            lines.append(f"d / {item.name[0]}: {ours.rate / item.rate:.1f} ×")
            if not item.name.startswith("a"):
                pairs = zip(ours.themes, item.themes, strict=False)
                same = sum(a == b for a, b in pairs) / len(item.themes)
                lines.append(f"same theme as {item.name[0]}: {same:.1%}")
    return lines


def _engine_report(
    arguments: argparse.Namespace, bundle: Bundle, paragraphs: Sequence[Paragraph]
) -> list[str]:
    classifier = Classifier.load(arguments.model, device=arguments.device)
    inside = model_rate(
        bundle, classifier.backend, paragraphs[: arguments.engine_paragraphs], arguments.rounds
    )
    backend = f"{classifier.backend.name} {classifier.backend.precision}"
    lines = [f"inside the model ({backend}): {inside / 1e9:.0f} Gop/s on real tokens"]
    if arguments.device == "cuda":
        peaks = {"bf16": gpu_peak()}
    else:
        peaks = {precision: cpu_peak(precision) for precision in ("int8", "fp32")}
    for precision, peak in peaks.items():
        lines.append(f"{precision} matrix peak {peak / 1e9:.0f} Gop/s: {inside / peak:.0%} of it")
    few = min(3, arguments.rounds)
    lines.append(
        f"one 500-character text in 32 short ones: {outlier_cost(classifier, paragraphs, few):.2f} ×"
    )
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="model folder; else the shipped one")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--paragraphs", type=int, default=5000, help="texts for d")
    parser.add_argument("--slow-paragraphs", type=int, default=200, help="texts for a, b and c")
    parser.add_argument("--engine-paragraphs", type=int, default=1000, help="texts for the share of the peak")
    parser.add_argument("--pipeline-batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default="abcd", help="which of them, e.g. bd")
    arguments = parser.parse_args()
    bundle = open_bundle(arguments.model)
    paragraphs = sample(arguments.paragraphs)
    say = sys.stdout.write
    say(f"{machine(arguments.device)}\n")
    chars = statistics.median(len(par.text) for par in paragraphs)
    say(f"{len(paragraphs)} paragraphs, median {chars:.0f} characters, {arguments.rounds} rounds\n\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for line in _report(
            measure(_ways(arguments, bundle, paragraphs, folder), paragraphs, arguments.rounds)
        ):
            say(line + "\n")
        for line in _engine_report(arguments, bundle, paragraphs):
            say(line + "\n")
        first = first_result(folder, model=arguments.model, device=arguments.device, rounds=arguments.rounds)
        say(f"start to first result: {first:.2f} s\n--help: {help_time(arguments.rounds):.2f} s\n")


if __name__ == "__main__":
    main()
