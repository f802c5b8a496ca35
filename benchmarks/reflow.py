"""How many paragraphs reflow gives back exactly from pages that were damaged on purpose.

    python benchmarks/reflow.py --data F.jsonl … [--pages 60] [--seed 0] [--layout NAME …] [--show 5]

Reads records with `text` (and `doc` or `title`, which keep the paragraphs of a document together), takes
whole paragraphs of each document, puts title, byline and headings around them and lays the page out in each
of the layouts below. The answer is known before: a body paragraph is right when reflow gives exactly its
characters (white space apart) as one paragraph of kind `body`; other lines count when they keep their kind.
Headings, captions and bylines are of this script. `--show` prints the first wrong paragraphs.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from policylens.data.records import Document
from policylens.data.reflow import reflow

_HEADINGS = (
    "把老厂房用起来", "聚焦一个“实”字", "从田头到码头", "产业链上添新丁", "资金从哪里来",
    "让数据多跑路", "稳住基本盘 打开新空间", "小零件撬动大市场", "补上最后一块短板", "营商环境再升级",
    "港口的新账本", "绿电进车间", "用好每一度电", "换机器更要换观念", "山乡里的新业态", "标准先行一步",
)  # fmt: skip
_MARKED_CAPTIONS = (
    "图为滨河轴承厂的热处理车间", "上图：工人在检修电动吊机。", "图为宁河县的梯田光伏板",
    "↑ 技术员正在调试机械臂",
)  # fmt: skip
_PLAIN_CAPTIONS = (
    "滨河轴承厂的热处理车间", "工人在装配线上调试机械臂", "宁河县北坡的光伏板与风机",
    "岑山港三号泊位的无人集卡", "松木岭隧道掘进现场", "观众在展台前了解手术机器人",
)  # fmt: skip
_NAMES = ("岑予安", "宗怀瑜", "简一苇", "卓听澜", "屠晚舟", "叶扶疏")
_NO_LINE_START = frozenset("，。、；：！？”’）》」』】％%…")
_NO_LINE_END = frozenset("“‘（《「『【")
# Records that are no paragraph as printed: wrong characters, spaces between Chinese ones, second halves.
_DEFECT = re.compile(r"\ufffd|(?<=[\u4e00-\u9fff])[ \t]|[ \t](?=[\u4e00-\u9fff])|^[的，。、；）]")
_NUMBERED = re.compile(r"[（(第\d一二三四五六七八九十①-⑳]")
_MIN_CHARS, _MAX_CHARS, _PER_PAGE = 45, 700, 10


@dataclass(slots=True)
class Page:
    """A page and its answer.

    Attributes:
        lines: The lines of the page.
        answer: Kind and text of every paragraph.
    """

    lines: list[str] = field(default_factory=list)
    answer: list[tuple[str, str]] = field(default_factory=list)


Items = list[tuple[str, str]]
Layout = Callable[[Items, random.Random], Page]


def read_documents(paths: Sequence[Path]) -> list[list[str]]:
    """The whole paragraphs of each document that has at least six of them."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = " ".join(row["text"].split())
            if _MIN_CHARS <= len(text) <= _MAX_CHARS and text[-1] in "。！？”" and not _DEFECT.search(text):
                grouped[f"{row.get('source', '')}/{row.get('doc') or row.get('title')}"].append(text)
    return [list(dict.fromkeys(texts)) for texts in grouped.values() if len(texts) >= 6]


def items_of(texts: Sequence[str], draw: random.Random) -> Items:
    """Title, byline, and paragraphs with a section heading or two between them."""
    headings = draw.sample(_HEADINGS, 3)
    items: Items = [("heading", headings[0]), ("byline", f"本报记者 {draw.choice(_NAMES)}")]
    places = set(draw.sample(range(2, len(texts) - 1), 2))
    for at, text in enumerate(texts):
        if at in places:
            items.append(("heading", headings.pop()))
        items.append(("body", text))
    return items


def cut(text: str, draw: random.Random) -> tuple[str, str]:
    """A paragraph in two pieces, inside a sentence: neither before a mark nor after the end of one."""
    places = [
        at
        for at in range(14, len(text) - 14)
        if text[at] not in _NO_LINE_START
        and text[at - 1] not in "。！？；："
        and text[at - 1] not in _NO_LINE_END
        and not (text[at - 1].isascii() and text[at].isascii())
    ]  # fmt: skip
    at = draw.choice(places) if places else len(text) // 2
    return text[:at], text[at:]


def wrap(text: str, width: int, *, indent: int = 0, hang: bool = True) -> list[str]:
    """Lines of at most `width` full-width characters, by the rules of Chinese type-setting.

    Args:
        text: One paragraph.
        width: Full-width characters a line.
        indent: Full-width spaces before the first line.
        hang: Whether a mark that cannot begin a line hangs over the edge; else the character before it goes
            down with it.
    """
    tokens = re.findall(r"[A-Za-z0-9.%+\-/]+|.", text)
    lines, line, used = [], "　" * indent, 2 * indent
    for token in tokens:
        size = sum(1 if char.isascii() else 2 for char in token)
        if used + size > 2 * width and line.strip():
            if token in _NO_LINE_START and hang:
                line, used = line + token, used + size
                continue
            carried = ""
            falls = token in _NO_LINE_START
            while line[:-1].strip() and (line[-1] in _NO_LINE_END or (falls and not carried)):
                carried, line = line[-1] + carried, line[:-1]
            lines.append(line)
            line, used = carried, 2 * len(carried)
        line, used = line + token, used + size
    return [*lines, line.rstrip()] if line.strip() else lines


def _plain(items: Items, draw: random.Random, *, gap: int, indent: int = 0) -> Page:
    page = Page(answer=list(items))
    for kind, text in items:
        page.lines += [("　" * indent if kind == "body" else "") + text, *[""] * gap]
    return page


def _broken(items: Items, draw: random.Random, inserted: Callable[[str], tuple[str, str] | None]) -> Page:
    """Blank lines between paragraphs; about every second paragraph is cut and something stands in the cut."""
    page = Page()
    for kind, text in items:
        page.answer.append((kind, text))
        if kind != "body" or len(text) < 60 or _NUMBERED.match(text) or draw.random() < 0.5:
            page.lines += [text, ""]
            continue
        left, right = cut(text, draw)
        page.lines += [left, ""]
        between = inserted(text)
        if between is not None:
            page.answer.append((between[0], between[1].replace("**", "")))
            picture = ["", ""] if between[0] == "caption" else []
            page.lines += [*picture, between[1], ""]
        page.lines += [right, ""]
    return page


def _captions(items: Items, draw: random.Random, captions: Sequence[str]) -> Page:
    left = draw.sample(captions, len(captions))
    return _broken(items, draw, lambda _: ("caption", left.pop()) if left else None)


def _quotes(items: Items, draw: random.Random, *, bold: bool) -> Page:
    bodies = [text for kind, text in items if kind == "body" and not _NUMBERED.match(text)]
    used: set[str] = set()

    def quote(own: str) -> tuple[str, str] | None:
        sentences = [
            part
            for text in bodies
            for part in re.findall(r"[^。！？]+[。！？]", text)
            if text != own and 20 <= len(part) <= min(90, len(text) - 15) and part not in used
            and not re.search("[“”]", part)
        ]  # fmt: skip
        if not sentences:
            return None
        chosen = draw.choice(sentences)
        used.add(chosen)
        return "pull_quote", re.sub(r"(\d[\d.]*%?)", r"**\1**", chosen) if bold else chosen

    return _broken(items, draw, quote)


def _captions_between(items: Items, draw: random.Random) -> Page:
    page = Page()
    left = draw.sample(_PLAIN_CAPTIONS, 3)
    for at, (kind, text) in enumerate(items):
        page.lines += [text, ""]
        page.answer.append((kind, text))
        below = items[at + 1][0] if at + 1 < len(items) else ""
        if kind == "body" and below == "body" and left and draw.random() < 0.4:
            page.answer.append(("caption", left[-1]))
            page.lines += ["", "", left.pop(), ""]
    return page


def _wrapped(
    items: Items,
    draw: random.Random,
    widths: tuple[int, int],
    *,
    indent: int = 0,
    gap: int = 0,
    spread: int = 0,
) -> Page:
    """Hard-wrapped lines; `gap` blank lines between paragraphs, `spread` between all lines."""
    width, hang = draw.randint(*widths), draw.random() < 0.5
    page = Page(answer=list(items))
    for kind, text in items:
        lines = wrap(text, width, indent=indent if kind == "body" else 0, hang=hang)
        for line in lines:
            page.lines += [line, *[""] * spread]
        page.lines += [""] * gap
    return page


def _paged(items: Items, draw: random.Random, *, indent: int) -> Page:
    """Wrapped lines on pages with a running head and a page number."""
    whole = _wrapped(items, draw, (30, 42), indent=indent)
    page = Page(answer=whole.answer)
    for number, start in enumerate(range(0, len(whole.lines), 22), start=1):
        if number > 1:
            page.lines.append("滨河市国民经济和社会发展计划")
        page.lines += [*whole.lines[start : start + 22], f"— {number} —"]
    return page


def _column_with_pictures(items: Items, draw: random.Random) -> Page:
    """A narrow column with indents that captions between blank lines cut anywhere between two lines."""
    width, page = draw.randint(14, 24), Page()
    left = draw.sample(_PLAIN_CAPTIONS, 3)
    for kind, text in items:
        lines = wrap(text, width, indent=2 if kind == "body" else 0)
        page.answer.append((kind, text))
        if kind == "body" and len(lines) > 3 and left and draw.random() < 0.4:
            places = [at for at in range(1, len(lines)) if lines[at - 1][-1] not in "。！？”；："]
            if places:
                at = draw.choice(places)
                page.answer.append(("caption", left[-1]))
                lines = [*lines[:at], "", "", left.pop(), "", *lines[at:]]
        page.lines += lines if kind == "body" else ["", *lines, ""]
    return page


def _spaced_out(items: Items, draw: random.Random) -> Page:
    """Recognised text: stray spaces between Chinese characters, wrapped with indents."""
    page = _wrapped(items, draw, (30, 40), indent=2)
    spaced = re.compile(r"(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff])")
    page.lines = [spaced.sub(lambda _: " " if draw.random() < 0.12 else "", line) for line in page.lines]
    return page


LAYOUTS: dict[str, Layout] = {
    "lines": lambda items, draw: _plain(items, draw, gap=0),
    "lines_blank": lambda items, draw: _plain(items, draw, gap=1),
    "lines_indent": lambda items, draw: _plain(items, draw, gap=0, indent=2),
    "cut": lambda items, draw: _broken(items, draw, lambda _: None),
    "cut_caption": lambda items, draw: _captions(items, draw, _MARKED_CAPTIONS),
    "cut_plain_caption": lambda items, draw: _captions(items, draw, _PLAIN_CAPTIONS),
    "cut_bold_quote": lambda items, draw: _quotes(items, draw, bold=True),
    "cut_plain_quote": lambda items, draw: _quotes(items, draw, bold=False),
    "caption_between": _captions_between,
    "wide_indent": lambda items, draw: _wrapped(items, draw, (28, 45), indent=2),
    "wide_blank": lambda items, draw: _wrapped(items, draw, (28, 45), gap=1),
    "wide_bare": lambda items, draw: _wrapped(items, draw, (28, 45)),
    "column_indent": lambda items, draw: _wrapped(items, draw, (12, 26), indent=2),
    "column_blank": lambda items, draw: _wrapped(items, draw, (12, 26), gap=1),
    "column_bare": lambda items, draw: _wrapped(items, draw, (12, 26)),
    "column_pictures": _column_with_pictures,
    "double_indent": lambda items, draw: _wrapped(items, draw, (28, 42), indent=2, spread=1),
    "double_bare": lambda items, draw: _wrapped(items, draw, (28, 42), spread=1),
    "paged_indent": lambda items, draw: _paged(items, draw, indent=2),
    "paged_bare": lambda items, draw: _paged(items, draw, indent=0),
    "recognised": _spaced_out,
}


@dataclass(slots=True)
class Score:
    """Counts of one layout.

    Attributes:
        body: Body paragraphs of the answers.
        exact: Those that came back exactly.
        other: Headings, bylines, captions and pull quotes of the answers.
        kept: Those that kept text and kind.
        lost: Pages of which a character is missing or stands twice.
        wrong: Body paragraphs that did not come back, with the page that they stand on.
    """

    body: int = 0
    exact: int = 0
    other: int = 0
    kept: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)


def score_page(page: Page, score: Score) -> None:
    """Add the page to the counts."""
    text = "\n".join(page.lines) + "\n"
    found = [(par.kind, _bare(par.text)) for par in reflow(Document("page", text))]
    rest = Counter(found)
    for kind, wanted in page.answer:
        hit = rest[(kind, _bare(wanted))] > 0
        rest[(kind, _bare(wanted))] -= int(hit)
        if kind == "body":
            score.body, score.exact = score.body + 1, score.exact + int(hit)
        else:
            score.other, score.kept = score.other + 1, score.kept + int(hit)
        if not hit:
            score.wrong.append(f"{kind}: {wanted}")
    score.wrong += [f"  found {kind}: {left}" for (kind, left), n in rest.items() for _ in range(n)]
    characters = Counter("".join(left for _, left in found))
    score.lost += int(characters != Counter(_bare(text)))


def _bare(text: str) -> str:
    return re.sub(r"\s+|\*\*", "", text)


def pages(
    documents: Sequence[Sequence[str]], n_pages: int, seed: int
) -> Iterator[tuple[Items, random.Random]]:
    """The same paragraphs, headings and random numbers for every layout."""
    order = random.Random(seed)
    for number in range(n_pages):
        texts = order.choice(documents)
        start = order.randrange(max(1, len(texts) - _PER_PAGE))
        draw = random.Random(seed * 100_003 + number)
        yield items_of(texts[start : start + _PER_PAGE], draw), draw


def main() -> None:
    """Lay out, reflow, count, print one line a layout."""
    parser = argparse.ArgumentParser(description="Exact paragraphs of damaged pages.")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="records with a field text")
    parser.add_argument("--pages", type=int, default=60, help="pages of each layout")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layout", nargs="*", choices=sorted(LAYOUTS), help="only these layouts")
    parser.add_argument("--show", type=int, default=0, help="wrong paragraphs to print")
    options = parser.parse_args()
    documents = read_documents(options.data)
    sys.stdout.write(f"{'layout':<18}{'body':>6}{'exact %':>9}{'other':>7}{'kept %':>8}{'lost':>6}\n")
    for name in options.layout or LAYOUTS:
        score = Score()
        for items, draw in pages(documents, options.pages, options.seed):
            score_page(LAYOUTS[name](items, draw), score)
        exact, kept = 100 * score.exact / score.body, 100 * score.kept / score.other
        sys.stdout.write(
            f"{name:<18}{score.body:>6}{exact:>9.1f}{score.other:>7}{kept:>8.1f}{score.lost:>6}\n"
        )
        sys.stdout.writelines(f"{line}\n" for line in score.wrong[: options.show])


if __name__ == "__main__":
    main()
