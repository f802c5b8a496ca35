"""Exit codes of the command line."""

from __future__ import annotations

import typer

from policylens.data.errors import ConfigError, ModelFileError, PolicylensError, TaxonomyError

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_USAGE_ERRORS = (ConfigError, ModelFileError, TaxonomyError)


def exit_code(error: PolicylensError) -> int:
    """2 where the call cannot work as it is given, else 1."""
    return USAGE if isinstance(error, _USAGE_ERRORS) else FAILED


def exit_if_failed(failures: int) -> None:
    """End with exit code 1 if inputs or records failed and the others are written."""
    if failures:
        raise typer.Exit(FAILED)
