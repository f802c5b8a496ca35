"""Puts the commands about models and labels into the command line."""

from __future__ import annotations

import typer

from policylens.train.evaluate_cli import calibrate, evaluate
from policylens.train.export_cli import export
from policylens.train.labelling.labels_cli import labels
from policylens.train.labelling.suggest_cli import register_suggest
from policylens.train.model_cli import compare, model
from policylens.train.train_cli import train, train_salience


def register(app: typer.Typer) -> None:
    """Adds the commands to an app, which turns their errors into lines and exit codes."""
    for command in (train, evaluate, calibrate, train_salience, compare, export):
        app.command(no_args_is_help=True)(command)
    register_suggest(labels)
    app.add_typer(labels, name="labels")
    app.add_typer(model, name="model")
