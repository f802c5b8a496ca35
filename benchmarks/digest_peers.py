"""Other summarizers of Chinese text, each within the same budget; imported only when they are run.

None of them is needed by policylens: pip install --no-deps sumy breadability docopt nltk pycountry jieba
snownlp jionlp zipfile36 textrank4zh networkx.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from policylens.data.sentences import split_clauses, split_sentences

Row = Mapping[str, Any]
# Sentences with the text of the paragraph that they are from, "" where a peer does not say.
Digest = list[tuple[str, str]]
System = Callable[[Row], Digest]


def lead(row: Row) -> Digest:
    """First sentence of each paragraph in turn, then the second ones, while they fit."""
    chosen: list[tuple[int, int, str, str]] = []
    room = row["max_chars"]
    split = [[p["text"][s:e] for s, e in split_sentences(p["text"])] for p in row["paragraphs"]]
    for depth in range(max(map(len, split), default=0)):
        for number, sentences in enumerate(split):
            if depth < len(sentences) and len(sentences[depth]) <= room:
                room -= len(sentences[depth])
                chosen.append((number, depth, sentences[depth], row["paragraphs"][number]["text"]))
    return [(text, source) for _, _, text, source in sorted(chosen)]


def sum_basic_clauses(row: Row) -> Digest:
    """SumBasic (Nenkova and Vanderwende 2005) over clauses with character bigrams as words."""
    clauses = [(p["text"][s:e], p["text"]) for p in row["paragraphs"] for s, e in split_clauses(p["text"])]
    pairs = [Counter(text[i : i + 2] for i in range(len(text) - 1)) for text, _ in clauses]
    total = sum(pairs, Counter())
    weight = {pair: n / total.total() for pair, n in total.items()}
    chosen: list[int] = []
    room, left = row["max_chars"], set(range(len(clauses)))
    while left:
        worth = {i: sum(weight[p] * n for p, n in pairs[i].items()) / max(1, pairs[i].total()) for i in left}
        best = max(left, key=lambda i: (worth[i], -i))
        left.remove(best)
        if len(clauses[best][0]) <= room:
            room -= len(clauses[best][0])
            chosen.append(best)
            weight.update({pair: weight[pair] ** 2 for pair in pairs[best]})
    return [clauses[i] for i in sorted(chosen)]


def sumy(method: str) -> System:
    """LexRank, TextRank, LSA or SumBasic of sumy, over jieba's words."""
    from importlib import import_module

    from sumy.nlp.tokenizers import Tokenizer
    from sumy.parsers.plaintext import PlaintextParser

    module, name = {
        "lexrank": ("lex_rank", "LexRankSummarizer"),
        "textrank": ("text_rank", "TextRankSummarizer"),
        "lsa": ("lsa", "LsaSummarizer"),
        "sumbasic": ("sum_basic", "SumBasicSummarizer"),
    }[method]
    summarizer = getattr(import_module(f"sumy.summarizers.{module}"), name)()
    tokenizer = Tokenizer("chinese")

    def run(row: Row) -> Digest:
        document = PlaintextParser.from_string(_joined(row), tokenizer).document
        best: list[str] = []
        for count in range(1, len(document.sentences) + 1):
            sentences = [str(sentence) for sentence in summarizer(document, count)]
            if sum(map(len, sentences)) > row["max_chars"]:
                break
            best = sentences
        return _sourced(row, best)

    return run


def textrank4zh() -> System:
    """TextRank4ZH's key sentences, in its order of weight, put back in reading order."""
    import networkx

    # The package was written for networkx 2, where the function had this name.
    networkx.from_numpy_matrix = networkx.from_numpy_array
    with contextlib.redirect_stdout(io.StringIO()):
        from textrank4zh import TextRank4Sentence

    def run(row: Row) -> Digest:
        ranker = TextRank4Sentence()
        ranker.analyze(text=_joined(row), lower=False, source="all_filters")
        ranked = [item.sentence for item in ranker.get_key_sentences(num=1000, sentence_min_len=6)]
        return _sourced(row, _fitting(row, ranked))

    return run


def snownlp() -> System:
    """SnowNLP's summary: clauses by BM25 TextRank."""
    from snownlp import SnowNLP

    return lambda row: _sourced(row, _fitting(row, SnowNLP(_joined(row)).summary(60)))


def jionlp() -> System:
    """Jionlp's extract_summary."""
    with contextlib.redirect_stdout(io.StringIO()):
        import jionlp as jio

    def run(row: Row) -> Digest:
        with contextlib.redirect_stdout(io.StringIO()):
            text = jio.summary.extract_summary(_joined(row), summary_length=row["max_chars"])
        return _sourced(row, [text[start:end] for start, end in split_sentences(text)])

    return run


# Name -> what makes the system; it raises ImportError where the package is missing.
PEERS: dict[str, Callable[[], System]] = {
    "lead": lambda: lead,
    "SumBasic, clauses": lambda: sum_basic_clauses,
    "sumy LexRank": lambda: sumy("lexrank"),
    "sumy TextRank": lambda: sumy("textrank"),
    "sumy LSA": lambda: sumy("lsa"),
    "sumy SumBasic": lambda: sumy("sumbasic"),
    "TextRank4ZH": textrank4zh,
    "snownlp": snownlp,
    "jionlp": jionlp,
}


def _joined(row: Row) -> str:
    return "\n".join(par["text"] for par in row["paragraphs"])


def _fitting(row: Row, ranked: Sequence[str]) -> list[str]:
    """The best that fit, in reading order."""
    room, chosen = row["max_chars"], []
    for text in ranked:
        if len(text) <= room:
            room -= len(text)
            chosen.append(text)
    whole = _joined(row)
    return sorted(chosen, key=whole.find)


def _sourced(row: Row, sentences: Sequence[str]) -> Digest:
    texts = [par["text"] for par in row["paragraphs"]]
    return [
        (sentence, next((text for text in texts if sentence.strip() in text), "")) for sentence in sentences
    ]
