"""The step of `classify` on many machines: Ray Data hands out files, actors that hold the model tag them.

Each file is a shard of its own (`shards`): an interrupted run goes on with the shards that are missing.
Inputs and output lie on a file system that all machines see under the same path.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError, InputError, MissingExtraError, OutputError
from policylens.infer.engines.backends import suitable_backend
from policylens.infer.shards import PARTS, Work, list_shards, stats_path, tag_shard
from policylens.infer.streams.inputs import InputFile
from policylens.infer.streams.journal import Header, differences, files_digest, model_fingerprint
from policylens.models.bundle import open_bundle

logger = logging.getLogger(__name__)

RUN_FILE = "_run.json"
_FORMAT = 1
# Ray keeps a few kB for each.
_MAX_BLOCKS = 5000


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
    shards = list(list_shards(inputs))
    began = time.perf_counter()
    if work.backend is None:
        # Chosen once for all machines, so that the labels do not depend on which of them tags a file.
        device = "cuda" if options.gpus else "cpu"
        work = replace(work, backend=suitable_backend(open_bundle(work.model), device))
    _begin(out, shards, work, gpus=options.gpus, resume=resume)
    todo = [shard for shard in shards if not stats_path(out, shard["number"]).exists()]
    if todo:
        _run(ray, out, todo, work, options)
        for left in out.glob(f".*{PARTS}"):
            # Of a process that was killed.
            shutil.rmtree(left, ignore_errors=True)
    done = [json.loads(stats_path(out, shard["number"]).read_text(encoding="utf-8")) for shard in shards]
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
