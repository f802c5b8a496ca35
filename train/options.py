"""Options that several training commands share. No heavy imports: the help needs this module."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from policylens.data.errors import ConfigError

if TYPE_CHECKING:
    from policylens.train.task import Fields

# What --stance-field says for a task with one label.
_NO_FIELD = "none"


class ScoreFormat(StrEnum):
    """How scores are written."""

    MD = "md"
    JSON = "json"


Data = Annotated[
    list[Path], typer.Option("--data", metavar="FILE", help="Labelled rows, .jsonl or .csv; may be repeated.")
]
ScoresOut = Annotated[
    Path | None,
    typer.Option("--out", "--output", "-o", metavar="OUT", help="File to write, .md or .json; else stdout."),
]
OnScoreFormat = Annotated[
    ScoreFormat | None, typer.Option("--format", help="Output format; else by the suffix of OUT, else md.")
]
ContextField = Annotated[
    str | None,
    typer.Option(
        "--context-field",
        metavar="FIELD",
        help="Field shown to the model before the paragraph, e.g. target; replaces the title.",
    ),
]
ThemeField = Annotated[
    str,
    typer.Option(
        "--theme-field", metavar="FIELD", help="Field of the theme, or of the only label of another task."
    ),
]
StanceField = Annotated[
    str,
    typer.Option(
        "--stance-field", metavar="FIELD", help="Field of the stance; none for tasks with one label."
    ),
]


def named_fields(text: str, title: str, context: str | None, theme: str, stance: str) -> Fields:
    """The fields that the options name.

    Raises:
        ConfigError: Theme and stance are the same field.
    """
    from policylens.train.task import Fields

    return Fields(
        text=text, title=title, context=context, theme=theme, stance=None if stance == _NO_FIELD else stance
    )


def score_format(out: Path | None, chosen: ScoreFormat | None) -> ScoreFormat:
    """The format asked for, else that of the file's suffix, else Markdown.

    Raises:
        ConfigError: The suffix names no format, or another one than was asked for.
    """
    if out is None or str(out) == "-":
        return chosen or ScoreFormat.MD
    suffix = out.suffix.lower().removeprefix(".")
    known = [form.value for form in ScoreFormat]
    if suffix not in known or (chosen is not None and chosen != suffix):
        wanted = f".{chosen}" if chosen else " or ".join(f".{form}" for form in known)
        raise ConfigError(f"cannot write {out}: expected a name that ends in {wanted}")
    return ScoreFormat(suffix)


def quiet_transformers() -> None:
    """Its progress bars and load reports would drown ours."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
