"""The errors that a caller can meet. The CLI prints each as one line; anything else is a bug."""

from __future__ import annotations


class PolicylensError(Exception):
    """Base of all errors whose message is meant for the user."""


class InputError(PolicylensError):
    """One input cannot be read: skip it, report it, go on with the others."""


class LabelError(PolicylensError):
    """A labelled row or label file does not fit the taxonomy: stop."""


class TaxonomyError(PolicylensError):
    """A taxonomy file is wrong or a label is unknown to it: stop."""


class ConfigError(PolicylensError):
    """An option or combination of options cannot work: stop."""


class ModelFileError(PolicylensError):
    """A model folder is missing, incomplete or inconsistent: stop."""


class OutputError(PolicylensError):
    """Results cannot be written, e.g. to a full disk: stop; what is done is kept."""


class MissingExtraError(PolicylensError):
    """An optional dependency is not installed; the message names the extra to install."""

    def __init__(self, feature: str, *, extra: str, package: str) -> None:
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed; "
            f"run: pip install 'policylens[{extra}]'"
        )
