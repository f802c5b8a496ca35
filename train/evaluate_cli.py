"""The commands `evaluate` and `calibrate`. Only light imports here: heavy ones stand inside the functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from policylens.data.errors import ConfigError
from policylens.infer.options import Device, Model, OnBackend, OnDevice, TextField, TitleField
from policylens.train.options import (
    ContextField,
    Data,
    OnScoreFormat,
    ScoreFormat,
    ScoresOut,
    StanceField,
    ThemeField,
    named_fields,
    score_format,
)

if TYPE_CHECKING:
    from policylens.data.taxonomy import Taxonomy
    from policylens.train.evaluation.results import Evaluation


def evaluate(
    data: Data,
    model: Model = None,
    train_data: Annotated[
        list[Path] | None,
        typer.Option("--train", metavar="FILE", help="Training rows, for a TF-IDF + SVM baseline beside it."),
    ] = None,
    backend: OnBackend = None,
    device: OnDevice = Device.AUTO,
    form: OnScoreFormat = None,
    out: ScoresOut = None,
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
    """Score a model on labelled paragraphs, and check what it promises about its precision.

    Prints accuracy, macro-F1 and calibration, with intervals, and the scores and confusions by label. The
    rows should be none that the model was trained on.

    \b
    Examples:
      policylens evaluate --data labelled.jsonl
      policylens evaluate --data labelled.jsonl --model my-model --report scores.html
    """  # noqa: D301 - a backspace
    from policylens.infer.classify import Classifier
    from policylens.infer.streams.output import open_output
    from policylens.train.evaluation.evaluate import evaluate as score
    from policylens.train.task import read_rows

    form = score_format(out, form)
    _check_report(report)
    fields = named_fields(text_field, title_field, context_field, theme_field, stance_field)
    classifier = Classifier.load(model, device=device, backend=backend)
    rows = read_rows(data, fields, taxonomy=classifier.taxonomy)
    train_rows = read_rows(train_data or [], fields, taxonomy=classifier.taxonomy)
    found = score(classifier, rows, train_rows=train_rows)
    if report is not None:
        _write_page(report, found, classifier.taxonomy)
    with open_output(out) as stream:
        stream.write(_as_text(found, classifier.taxonomy, form).encode())


def calibrate(
    data: Data,
    model: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Model folder; its policylens.json is replaced.")
    ],
    backend: OnBackend = None,
    device: OnDevice = Device.AUTO,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    context_field: ContextField = None,
    theme_field: ThemeField = "theme",
    stance_field: StanceField = "stance",
) -> None:
    """Fit a model's probabilities, thresholds and promises of precision on rows it was not trained on.

    The weights stay as they are. `policylens train` does the same on the documents that it holds out.

    \b
    Example:
      policylens calibrate --model my-model --data held_out.jsonl
    """  # noqa: D301 - a backspace
    from policylens.models.bundle import open_bundle
    from policylens.train.evaluation.calibrate import calibrate_model
    from policylens.train.evaluation.scorecard import calibration_summary
    from policylens.train.fit import sha256_of
    from policylens.train.task import read_rows

    fields = named_fields(text_field, title_field, context_field, theme_field, stance_field)
    rows = read_rows(data, fields, taxonomy=open_bundle(model).taxonomy)
    hashes = {path.name: sha256_of(path) for path in data}
    report = calibrate_model(model, rows, data_hashes=hashes, device=device, backend=backend)
    typer.echo(calibration_summary(report))


def _as_text(found: Evaluation, taxonomy: Taxonomy, form: ScoreFormat) -> str:
    from policylens.train.evaluation.scorecard import to_json, to_markdown

    return to_json(found) if form is ScoreFormat.JSON else to_markdown(found, taxonomy)


def _write_page(report: Path, found: Evaluation, taxonomy: Taxonomy) -> None:
    from policylens.infer.streams.output import open_output
    from policylens.train.evaluation.report import render_page

    page = render_page(found, taxonomy)
    with open_output(report) as stream:
        stream.write(page.encode())


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
