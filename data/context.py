"""The context of a paragraph, as training and inference give it to the model.

Both must build the very same text, hence one function for both. The model reads it as the first of two
segments, the paragraph itself as the second.
"""

from __future__ import annotations

from policylens.data.records import Paragraph

_SEPARATOR = " › "
# The two innermost headings: outer ones mostly say what the title says already.
_MAX_HEADINGS = 2


def context_of(
    paragraph: Paragraph, *, title_chars: int = 40, heading_chars: int = 40, prev_chars: int = 60
) -> str:
    """Return title › headings › start of the previous paragraph; what is empty is left out.

    Args:
        paragraph: The paragraph.
        title_chars: Characters of the title that are kept; 0 leaves it out.
        heading_chars: Characters that are kept of each of the two innermost headings; a heading that
            equals the title is left out.
        prev_chars: Characters that are kept of the previous paragraph.
    """
    title = _one_line(paragraph.title)
    path = paragraph.heading_path or (paragraph.heading,)
    headings = [heading for heading in map(_one_line, path) if heading and heading != title]
    parts = [
        title[:title_chars],
        *(heading[:heading_chars] for heading in headings[-_MAX_HEADINGS:]),
        _one_line(paragraph.prev)[:prev_chars],
    ]
    return _SEPARATOR.join(part.rstrip() for part in parts if part.strip())


def _one_line(text: str) -> str:
    return " ".join(text.split())
