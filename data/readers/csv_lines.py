"""Lines of a CSV file as the csv module wants them, whatever ends them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from policylens.data.errors import InputError
from policylens.data.limits import DEFAULT_LIMITS, Limits
from policylens.data.readers.encoding import read_lines


def csv_lines(stream: BinaryIO, *, name: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[str]:
    """Decode a CSV file line by line; LF, CR LF and CR end a line, and the line ends stay as they are.

    The csv module refuses a lone CR inside of what it is given as one line. Programs for older Macs end all
    lines so; such a file is read as one piece, up to the limit `parsed_mb`.

    Args:
        stream: The open file.
        name: What error messages call it.
        limits: What is too large to be read.

    Raises:
        InputError: The encoding cannot be told, a line does not fit it or is too long, or holds NUL
            characters, which are no CSV text.
    """
    for line in read_lines(stream, name=name, limits=limits):
        if line.error:
            raise InputError(f"{name}, line {line.number}: {line.error}")
        if "\0" in line.text:
            raise InputError(f"{name}, line {line.number}: holds NUL characters, so it is not CSV text")
        text = line.text.removeprefix("\ufeff") if line.number == 1 else line.text
        if "\r" in text:
            yield from io.StringIO(text, newline="")
        else:
            yield text
