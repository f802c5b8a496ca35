"""Tagging, digests and reports: what a user runs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policylens.infer.classify import Classifier
    from policylens.infer.digest import summarize
    from policylens.infer.texts import ColumnTagger

__all__ = ["Classifier", "ColumnTagger", "summarize"]

# Loaded on first use: `policylens --help` and the digest need none of what the classifier brings along.
_HOMES = {
    "Classifier": "policylens.infer.classify",
    "ColumnTagger": "policylens.infer.texts",
    "summarize": "policylens.infer.digest",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
