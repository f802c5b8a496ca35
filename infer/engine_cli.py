"""Options of `classify` for a cluster, and its way there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from policylens.data.errors import ConfigError
from policylens.infer.streams.formats import TableFormat, is_stdout

if TYPE_CHECKING:
    from policylens.infer.cluster import ClusterDone, ClusterOptions
    from policylens.infer.shards import Work


@dataclass(frozen=True, slots=True)
class Spread:
    """How a run is spread over a cluster: the options of that name."""

    ray_address: str | None = None
    actors: int | None = None
    cpus_per_actor: float | None = None
    gpus_per_actor: float | None = None


class Engine(StrEnum):
    """What spreads the work."""

    LOCAL = "local"
    RAY = "ray"


OnEngine = Annotated[
    Engine,
    typer.Option(help="ray: many machines; OUT is then a folder of Parquet files. Needs the extra [ray]."),
]
RayAddress = Annotated[
    str | None,
    typer.Option(metavar="A", help="Cluster for --engine ray, auto or host:port; else one on this machine."),
]
Actors = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Processes for --engine ray; else as many as fit.")
]
CpusPerActor = Annotated[
    float | None, typer.Option(metavar="N", help="CPUs of each process of --engine ray.  [default: 2]")
]
GpusPerActor = Annotated[
    float | None,
    typer.Option(metavar="N", help="GPUs of each process of --engine ray.  [default: 1 on cuda, else 0]"),
]


def cluster_options(spread: Spread, *, on_gpu: bool) -> ClusterOptions:
    """How a run is spread, with the defaults of the command.

    Raises:
        ConfigError: A number is out of range, or GPUs are asked for on the CPU or the other way round.
    """
    from policylens.infer.cluster import ClusterOptions

    gpus, cpus = spread.gpus_per_actor, spread.cpus_per_actor
    if gpus is not None and (gpus > 0) != on_gpu:
        raise ConfigError(f"--gpus-per-actor {gpus:g} does not fit the device; GPUs need --device cuda")
    gpus = float(on_gpu) if gpus is None else gpus
    cpus = 2.0 if cpus is None else cpus
    return ClusterOptions(address=spread.ray_address, actors=spread.actors, cpus=cpus, gpus=gpus)


def check_local(spread: Spread) -> None:
    """Refuse options that only --engine ray heeds.

    Raises:
        ConfigError: One of them is given.
    """
    if given := [name for name, value in asdict(spread).items() if value is not None]:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ConfigError(f"{names} is for --engine ray only")


def classify_on_cluster(
    out: Path | None,
    inputs: list[str],
    work: Work,
    options: ClusterOptions,
    *,
    form: TableFormat | None,
    resume: bool,
    strict: bool,
    crosswalk: str | None,
) -> ClusterDone:
    """Check what a cluster run cannot do, and run it.

    Raises:
        ConfigError: There is no OUT, it is no folder, or an option is for the local engine only.
    """
    from policylens.infer.cluster import classify_on_ray

    if (
        out is None
        or is_stdout(out)
        or out.suffix in (".jsonl", ".csv")
        or form not in (None, TableFormat.PARQUET)
    ):
        raise ConfigError("--engine ray writes a folder of Parquet files; name it with -o")
    if strict or crosswalk:
        raise ConfigError(
            "--strict and --crosswalk are for the local engine; leave them out with --engine ray"
        )
    return classify_on_ray(out, inputs, work, options=options, resume=resume)
