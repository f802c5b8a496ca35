"""The step of `classify` on many machines: Ray Data hands out files, actors that hold the model tag them.

A shard is an input file. Its rows are those that the local engine gives for it, written to one Parquet file
in the output folder, which appears only when it is whole: a run that was interrupted goes on with the shards
that are missing. Inputs and output lie on a file system that all machines see under the same path.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError, InputError, MissingExtraError, OutputError
from policylens.data.limits import parse_limits
from policylens.data.read import STDIN, InputFailure
from policylens.data.records import Paragraph
from policylens.infer.engines.backends import suitable_backend
from policylens.infer.pipeline import tag
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.inputs import InputStream
from policylens.infer.streams.journal import Header, differences, files_digest, model_fingerprint
from policylens.infer.streams.output import rows_bytes
from policylens.infer.streams.rows import Row, row_of
from policylens.infer.streams.sinks import PartsSink
from policylens.infer.streams.stream import SHARD_PARAGRAPHS
from policylens.models.bundle import open_bundle

if TYPE_CHECKING:
    from policylens.infer.classify import Classifier

logger = logging.getLogger(__name__)

# Suffix of the folder of a shard on its way.
_PARTS = ".parts"
RUN_FILE = "_run.json"
_FORMAT = 1
# Ray keeps a few kB for each.
_MAX_BLOCKS = 5000
# Read and tagged at a time, so that one large file does not fill the memory; cut as in a local run.
_SLICE_ROWS = SHARD_PARAGRAPHS


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How a run is spread.

    Attributes:
        address: Of the cluster, "auto" for the one that this machine belongs to; None starts one on it.
        actors: How many processes hold the model; None for as many as the cluster has room for.
        cpus: CPUs that each of them takes.
        gpus: GPUs that each of them takes; with 0 they run on the CPU.
    """

    address: str | None = None
    actors: int | None = None
    cpus: float = 2.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigError: One of them is out of range.
        """
        if (self.actors is not None and self.actors < 1) or self.cpus <= 0 or self.gpus < 0:
            raise ConfigError(
                f"{self.actors} actors with {self.cpus:g} CPUs and {self.gpus:g} GPUs each; expected at "
                "least one actor, more than 0 CPUs and no fewer than 0 GPUs"
            )


@dataclass(frozen=True, slots=True)
class Work:
    """What every shard is done with.

    Attributes:
        model: Model folder, None for the shipped one.
        backend: Runtime, None for the one that suits.
        all_kinds: Write headings and the like too.
        text_field: Field with the text in record inputs.
        title_field: Field with the title in record inputs.
        min_precision: See `Classifier`.
        batch_tokens: Most tokens in a batch, None for what suits the runtime.
        limit: Limits of the inputs, as `NAME=NUMBER`.
    """

    model: str | None = None
    backend: str | None = None
    all_kinds: bool = False
    text_field: str = "text"
    title_field: str = "title"
    min_precision: float | None = None
    batch_tokens: int | None = None
    limit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterDone:
    """What a run wrote.

    Attributes:
        paragraphs: Rows, those of shards that were done before included.
        failures: Inputs and records that could not be used.
        shards: Input files.
        skipped: How many of them were done before.
        seconds: Time of this run.
    """

    paragraphs: int
    failures: int
    shards: int
    skipped: int
    seconds: float

    @property
    def line(self) -> str:
        """E.g. "1,200 paragraphs of 12 files tagged in 40.1 s, 4 files were done before, 1 failure"."""
        parts = [f"{self.paragraphs:,} paragraphs of {self.shards} files tagged in {self.seconds:.1f} s"]
        if self.skipped:
            parts.append(f"{self.skipped} files were done before")
        if self.failures:
            parts.append(
                f"{self.failures} inputs or records could not be used: see *.errors.jsonl beside them"
            )
        return ", ".join(parts)

    @property
    def numbers(self) -> dict[str, object]:
        """The fields, for a log."""
        return asdict(self)


def classify_on_ray(
    out: Path,
    inputs: Sequence[str],
    work: Work,
    *,
    options: ClusterOptions | None = None,
    resume: bool = False,
) -> ClusterDone:
    """Tag files on a Ray cluster, a Parquet file for each in `out`.

    Args:
        out: Folder for the output, seen by all machines; `NNNNNN.parquet` holds the rows of the input with
            this number, `NNNNNN.errors.jsonl` what could not be used of it.
        inputs: Files, folders or patterns; beside what the local engine reads also .parquet.
        work: What is done with them.
        options: How it is spread.
        resume: Go on with what an earlier run with the same inputs, model and options left.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: The folder holds another run, or an unfinished one and `resume` is not given; or "-" is
            among the inputs.
        InputError: There is no input, or not one paragraph could be read.
        OutputError: A shard could not be written.
    """
    ray = _import_ray()
    options = options or ClusterOptions()
    shards = list(_shards(inputs))
    began = time.perf_counter()
    if work.backend is None:
        # Chosen once for all machines, so that the labels do not depend on which of them tags a file.
        device = "cuda" if options.gpus else "cpu"
        work = replace(work, backend=suitable_backend(open_bundle(work.model), device))
    _begin(out, shards, work, gpus=options.gpus, resume=resume)
    todo = [shard for shard in shards if not _stats_path(out, shard["number"]).exists()]
    if todo:
        _run(ray, out, todo, work, options)
        for left in out.glob(f".*{_PARTS}"):
            # Of a process that was killed.
            shutil.rmtree(left, ignore_errors=True)
    done = [json.loads(_stats_path(out, shard["number"]).read_text(encoding="utf-8")) for shard in shards]
    if not any(item["read"] for item in done):
        raise InputError(f"no input could be read; the reasons are in {out}/*.errors.jsonl")
    return ClusterDone(
        sum(item["paragraphs"] for item in done),
        sum(item["failures"] for item in done),
        len(shards),
        len(shards) - len(todo),
        time.perf_counter() - began,
    )


def _import_ray() -> Any:  # noqa: ANN401 - Ray has no types that hold here
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("--engine ray", extra="ray", package="ray[data]") from None
    return ray


def _run(ray: Any, out: Path, todo: list[dict[str, Any]], work: Work, options: ClusterOptions) -> None:  # noqa: ANN401
    ours = not ray.is_initialized()
    if ours:
        ray.init(address=options.address, log_to_driver=False, include_dashboard=False)
    try:
        room = max(1, int(ray.cluster_resources().get("CPU", 1) // options.cpus))
        if options.gpus:
            room = min(room, max(1, int(ray.cluster_resources().get("GPU", 0) // options.gpus)))
        actors = min(options.actors or room, len(todo))
        logger.info("%d shards on %d actors", len(todo), actors)
        # A block for each shard, if they are not too many: an actor that is done takes the next one.
        shards = ray.data.from_items(todo, override_num_blocks=min(len(todo), _MAX_BLOCKS))
        done = shards.map_batches(
            ShardTagger,
            fn_constructor_args=(str(out.resolve()), asdict(work), options.gpus > 0, options.cpus),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_cpus=options.cpus,
            num_gpus=options.gpus or None,
        )
        for number, row in enumerate(done.iter_rows(), start=1):
            logger.info(
                "%d of %d shards: %s paragraphs of %s", number, len(todo), row["paragraphs"], row["path"]
            )
    except ray.exceptions.RayError as error:
        message = str(error).strip().splitlines()[-1]
        raise OutputError(
            f"the cluster run stopped: {message}; finished shards are kept in {out}, the same command with "
            "--resume goes on"
        ) from error
    finally:
        if ours:
            ray.shutdown()


class ShardTagger:
    """An actor: holds the model and tags one input file after the other.

    Args:
        out: Output folder.
        work: Fields of `Work`.
        on_gpu: Whether the model runs on the GPU that Ray gave to this actor.
        cpus: CPUs that belong to it.
    """

    def __init__(self, out: str, work: Mapping[str, Any], on_gpu: bool, cpus: float) -> None:
        """Load the model."""
        from policylens.infer.classify import Classifier
        from policylens.infer.engines.backends import open_backend

        # Each actor would else start a thread for each core of the machine; the variable is the tokeniser's.
        threads = max(1, round(cpus))
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        self._out = Path(out)
        self._work = Work(**work)
        bundle = open_bundle(self._work.model)
        device = "cuda" if on_gpu else "cpu"
        backend = open_backend(bundle, device=device, backend=self._work.backend, threads=threads)
        self._classifier = Classifier(bundle, backend, min_precision=self._work.min_precision)

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Tag the files of a batch."""
        columns = {name: list(values) for name, values in batch.items()}
        done: dict[str, list[Any]] = {"path": [], "paragraphs": [], "failures": []}
        for number, path, doc in zip(columns["number"], columns["path"], columns["doc"], strict=True):
            shard = {"number": int(number), "path": str(path), "doc": str(doc)}
            stats = tag_shard(shard, self._out, self._work, self._classifier)
            done["path"].append(shard["path"])
            for name in ("paragraphs", "failures"):
                done[name].append(stats[name])
        return {name: np.array(values) for name, values in done.items()}


def tag_shard(shard: Mapping[str, Any], out: Path, work: Work, classifier: Classifier) -> dict[str, int]:
    """Tag one input file and write its rows; a file that is there with the final name is whole.

    Args:
        shard: Its `number`, `path` and `doc`, the name that its paragraphs bear unless they have their own.
        out: Output folder.
        work: What is done.
        classifier: The model.

    Returns:
        How many `paragraphs` were written, `read` (of any kind) and how many `failures` there were.
    """
    failures: list[InputFailure] = []
    stats = {"paragraphs": 0, "read": 0, "failures": 0}
    # Two machines may do the same shard when one of them is given up too early.
    part = out / f".{shard['number']:06}.{uuid.uuid4().hex}{_PARTS}"
    part.mkdir()
    sink = PartsSink(part)
    found = _paragraphs(shard, work, failures)
    while chunk := _take(found):
        stats["read"] += len(chunk)
        tagged = tag(chunk, classifier, batch_tokens=work.batch_tokens, all_kinds=work.all_kinds)
        rows = [row_of(item) for item in tagged]
        stats["paragraphs"] += len(rows)
        sink.add(rows)
    sink.finish()
    stats["failures"] = len(failures)
    _put_in_place(sink.path, out, int(shard["number"]), failures, stats)
    shutil.rmtree(part)
    return stats


def _put_in_place(
    rows: Path, out: Path, number: int, failures: Sequence[InputFailure], stats: Mapping[str, int]
) -> None:
    """Rows and errors first; the marker that the shard is done comes last."""
    errors = out / f"{number:06}.errors.jsonl"
    if failures:
        lines: list[Row] = [
            {"input": item.path, "line": item.line, "error": item.error, "message": item.message}
            for item in failures
        ]
        errors.write_bytes(rows_bytes(lines, TableFormat.JSONL))
    else:
        errors.unlink(missing_ok=True)
    rows.replace(out / f"{number:06}.parquet")
    marker = _stats_path(out, number)
    part = rows.with_name(marker.name)
    part.write_text(json.dumps(stats), encoding="utf-8")
    part.replace(marker)


def _stats_path(out: Path, number: int) -> Path:
    # Readers of Parquet folders pass over names that begin with a dot.
    return out / f".{number:06}.done"


def _take(found: Iterator[Paragraph]) -> list[Paragraph]:
    return list(islice(found, _SLICE_ROWS))


def _paragraphs(shard: Mapping[str, Any], work: Work, failures: list[InputFailure]) -> Iterator[Paragraph]:
    """The paragraphs of one file, named as in a run over all files; what fails goes to `failures`."""
    path = Path(shard["path"])
    if path.suffix.lower() == ".parquet":
        found: Iterator[Paragraph | InputFailure] = _parquet_paragraphs(path, shard["doc"], work)
    else:
        stream = InputStream(
            [str(path)],
            text_field=work.text_field,
            title_field=work.title_field,
            limits=parse_limits(work.limit),
        )
        found = _renamed(stream.read(), path.stem, shard["doc"])
    for item in found:
        if isinstance(item, InputFailure):
            failures.append(item)
        else:
            yield item


def _renamed(
    found: Iterator[Paragraph | InputFailure], stem: str, doc: str
) -> Iterator[Paragraph | InputFailure]:
    """Two files called report.txt are two documents, which only a look at all files can tell."""
    for item in found:
        if isinstance(item, Paragraph) and stem != doc and item.doc == stem:
            item = replace(item, doc=doc)
        yield item


def _parquet_paragraphs(path: Path, doc: str, work: Work) -> Iterator[Paragraph | InputFailure]:
    """Rows of a Parquet file as the records that the same rows in JSONL would be."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    from policylens.data.readers.read_records import RecordError, records_from_json_lines

    try:
        number = 0
        with pq.ParquetFile(path) as source:
            for batch in source.iter_batches(batch_size=_SLICE_ROWS):
                rows = [{k: v for k, v in row.items() if v is not None} for row in batch.to_pylist()]
                text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
                records = records_from_json_lines(
                    io.BytesIO(text.encode()),
                    name=str(path),
                    doc=doc,
                    text_field=work.text_field,
                    title_field=work.title_field,
                )
                for record, row in zip(records, rows, strict=True):
                    number += 1
                    if isinstance(record, RecordError):
                        what = record.message.removeprefix(f"{path}, line {record.line}: ")
                        message = f"{path}, row {number}: {what}"
                        yield InputFailure(str(path), message, line=number, error=record.error)
                    else:
                        yield record if "para" in row else replace(record, para=number)
    except (OSError, pa.ArrowException) as error:
        yield InputFailure(str(path), f"{path}: cannot be read as Parquet ({error})")


def _shards(inputs: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The input files in order, each with its number and the name that its document bears in a local run."""
    from policylens.infer.streams.naming import DocNames

    if STDIN in inputs:
        raise ConfigError("--engine ray reads files that all machines see, not -")
    paths = [path for given in inputs for path in _files(given)]
    if not paths:
        raise InputError("there is no input file")
    names = DocNames(paths)
    for number, path in enumerate(paths):
        yield {"number": number, "path": str(path.resolve()), "doc": names.name(path)}


def _files(given: str) -> list[Path]:
    """The files of one input; Parquet, which the local engine does not read, included."""
    from policylens.data.read import expand_inputs

    path = Path(given)
    if path.suffix.lower() == ".parquet" and path.is_file():
        return [path]
    parquet = sorted(path.rglob("*.parquet")) if path.is_dir() else []
    found = expand_inputs([given])
    if wrong := [item for item in found if isinstance(item, InputFailure)]:
        if parquet and len(found) == 1:
            return parquet
        raise InputError(wrong[0].message)
    return sorted([*(item for item in found if isinstance(item, Path)), *parquet])


def _begin(out: Path, shards: Sequence[Mapping[str, Any]], work: Work, *, gpus: float, resume: bool) -> None:
    """Make the folder, or check that it holds this very run."""
    header = _header(shards, work, gpus=gpus)
    path = out / RUN_FILE
    if path.exists():
        raw = json.loads(path.read_text(encoding="utf-8"))
        reasons = differences(Header(**raw["header"]), header) if raw.get("format") == _FORMAT else ["format"]
        if reasons:
            raise ConfigError(
                f"{out} holds another run: {'; '.join(reasons)}. Give another folder, or delete this one"
            )
        if not resume:
            raise ConfigError(f"{out} holds this run already; give --resume to go on with it")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not an empty folder; --engine ray writes a folder of Parquet files")
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"format": _FORMAT, "header": asdict(header)}, indent=1) + "\n")
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror or error}") from error


def _header(shards: Sequence[Mapping[str, Any]], work: Work, *, gpus: float) -> Header:
    from policylens.infer.streams.inputs import InputFile

    files = []
    for shard in shards:
        status = Path(shard["path"]).stat()
        files.append(InputFile(shard["path"], status.st_size, status.st_mtime_ns))
    options = {name: value for name, value in asdict(work).items() if name != "model"}
    # As it is read again from JSON, which has no tuples.
    options["limit"] = list(work.limit)
    model = model_fingerprint(_Unloaded(work))
    return Header(model, {**options, "on_gpu": gpus > 0}, files_digest(files), len(files))


class _Unloaded:
    """Stands in for a classifier whose fingerprint is wanted where no model is loaded."""

    def __init__(self, work: Work) -> None:
        self.bundle = open_bundle(work.model)
