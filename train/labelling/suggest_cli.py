"""The command `labels suggest`. Only light imports here: heavy ones stand inside the function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from policylens.infer.exit_codes import exit_if_failed
from policylens.infer.options import Device, Model, OnDevice, TextField, TitleField
from policylens.infer.streams.reporter import Reporter


def register_suggest(labels: typer.Typer) -> None:
    """Adds the command to the app of the `labels` commands."""
    labels.command("suggest", no_args_is_help=True)(suggest_rows)


def suggest_rows(
    ctx: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="UNLABELLED", show_default=False, help="What `classify` takes: files, folders."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="Sheet: .csv (also without -o), .xlsx or .jsonl."),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", min=1, metavar="N", help="How many paragraphs to choose.")
    ] = 100,
    model: Model = None,
    labelled: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Label files: texts in them are left out; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of all random choices.")] = 0,
    device: OnDevice = Device.AUTO,
    text_field: TextField = "text",
    title_field: TitleField = "title",
) -> None:
    """Choose the paragraphs that are worth labelling next and write a sheet to label them in.

    Those the model is unsure of, of labels that are rare, and unlike each other. The theme and stance columns
    are empty; the model's guess stands beside them. `labels import` reads the filled sheet.

    \b
    Example:
      policylens labels suggest archive/ -n 100 --model my-model --labelled rows.jsonl -o next.xlsx
    """  # noqa: D301 - a backspace
    from policylens.data.label_formats.label_files import (
        LabelFormat,
        label_bytes,
        label_format,
        read_raw_rows,
    )
    from policylens.infer.classify import Classifier
    from policylens.infer.streams.inputs import read_paragraphs, without_failures
    from policylens.infer.streams.output import open_output
    from policylens.train.labelling.suggest import sheet_rows, suggest

    reporter: Reporter = ctx.obj
    form = label_format(out) if out is not None and str(out) != "-" else LabelFormat.CSV
    known = [str(row.fields.get(text_field, "")) for path in labelled or [] for row in read_raw_rows(path)]
    classifier = Classifier.load(model, device=device, vectors=True)
    found = suggest(
        classifier,
        without_failures(
            read_paragraphs(inputs, text_field=text_field, title_field=title_field),
            on_failure=reporter.fail,
        ),
        n=count,
        labelled_texts=known,
        seed=seed,
    )
    data = label_bytes(sheet_rows(found), form, taxonomy=classifier.taxonomy)
    with open_output(out) as stream:
        stream.write(data)
    reporter.note("{number} paragraphs to label, the most useful first", number=len(found))
    exit_if_failed(reporter.failures)
