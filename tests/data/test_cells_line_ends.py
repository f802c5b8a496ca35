"""A text that begins with a line end comes back from a CSV cell; found by tests/properties."""

import pytest

from policylens.data.cells import as_cell, from_cell


@pytest.mark.parametrize("text", ["\r", "\n", "\r=1", "\n@a", "'\n", "'\r"])
def test_a_line_end_at_the_start(text):
    # What reading makes of a carriage return inside of a cell.
    read = as_cell(text).replace("\r", "\n")
    assert from_cell(read) == text.replace("\r", "\n")
