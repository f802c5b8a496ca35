"""Words and tables that the reports of models share; in the user's language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policylens.infer.messages import Sentences, text

HEADS: Sentences = {"theme": "theme", "stance": "stance"}
TITLES: Sentences = {"theme": "Themes", "stance": "Stances"}
_COUNTED: Sentences = {"theme": "Themes ({n} paragraphs)", "stance": "Stances ({n} paragraphs)"}
_COMPARED: Sentences = {
    "theme": "Themes ({n} paragraphs): {verdict}",
    "stance": "Stances ({n} paragraphs): {verdict}",
}
_MODELS: Sentences = {"better": "better", "same": "same", "worse": "worse"}
# What became of a promise of precision: `PromiseCheck.verdict`.
VERDICTS: Sentences = {
    "kept": "kept",
    "within chance": "within chance",
    "broken": "broken",
    "not promised": "not promised",
    "nothing kept": "nothing kept",
}


def head_title(head: str, n: int) -> str:
    """A head with the number of its paragraphs, e.g. "Themes (1,078 paragraphs)"."""
    return text(_COUNTED[head], n=f"{n:,}")


def compared_title(head: str, n: int, verdict: str) -> str:
    """Likewise of two models, with which of them is better, e.g. "Themes (1,078 paragraphs): same"."""
    return text(_COMPARED[head], n=f"{n:,}", verdict=text(_MODELS[verdict]))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, with the column marks in its cells escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |" for cells in lines]
