from __future__ import annotations

from dataclasses import replace

import pytest

from policylens.data.records import Amount, Citation, Digest, Figure, Measure, ThemeDigest
from policylens.infer.digests.compare_sets import compare_digests
from policylens.infer.summary import set_name


def digest(*counts: tuple[str, int], total: int = 100) -> Digest:
    return Digest(tuple(ThemeDigest(theme, n, 1, {"pro": n}, ()) for theme, n in counts), 1, total)


def trends(before: Digest, after: Digest) -> dict[str, str]:
    return {c.theme: c.trend for c in compare_digests(before, after, names=("A", "B")).themes}


def test_trends_of_themes():
    before = digest(("road", 10), ("water", 10), ("rail", 30), ("port", 30))
    after = digest(("water", 30), ("rail", 12), ("port", 32), ("air", 5))
    assert trends(before, after) == {
        "road": "gone",
        "water": "stronger",
        "rail": "weaker",
        "port": "steady",
        "air": "new",
    }


def test_one_paragraph_more_says_nothing():
    assert trends(digest(("road", 1), total=10), digest(("road", 2), total=12)) == {"road": "steady"}


def test_the_greatest_change_comes_first():
    found = compare_digests(digest(("a", 10), ("b", 10)), digest(("a", 12), ("b", 50)), names=("A", "B"))
    assert [change.theme for change in found.themes] == ["b", "a"]
    assert (found.themes[0].share_before, found.themes[0].share_after) == (0.1, 0.5)


def test_measures_and_figures_of_both_sets():
    def theme(measures: list[str], value: str, stances: dict[str, int]) -> Digest:
        at = Citation("a", 1)
        figure = Figure(
            value,
            "亿元",
            "水利投资",
            "",
            at,
            subject="水利投资",
            amount=Amount(float(value), float(value), "亿元"),
        )
        named = tuple(Measure(name, "programme", (at,)) for name in measures)
        return Digest((ThemeDigest("water", 4, 1, stances, (), (figure,), measures=named),), 1, 4)

    before = theme(["清水工程", "旧渠行动"], "12", {"pro": 1, "con": 3})
    after = theme(["“清水”工程", "新坝计划"], "15", {"pro": 3, "con": 1})
    (change,) = compare_digests(before, after, names=("A", "B")).themes
    assert [m.name for m in change.new_measures] == ["新坝计划"]
    assert [m.name for m in change.gone_measures] == ["旧渠行动"]
    assert [m.name for m in change.kept_measures] == ["“清水”工程"]
    assert [(pair.before.value, pair.after.value) for pair in change.figures] == [("12", "15")]
    assert change.stances == {"pro": 0.5, "con": -0.5}
    (same,) = compare_digests(before, before, names=("A", "B")).themes
    assert same.figures == () and same.trend == "steady"


def test_empty_sets():
    assert compare_digests(Digest(()), Digest(()), names=("A", "B")).themes == ()
    assert trends(replace(digest(), paragraphs=0), digest(("road", 3))) == {"road": "new"}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["reports/hebei.docx"], "hebei"),
        (["2024/"], "2024"),
        (["2024/*.txt"], "2024"),
        (["2024/a.txt", "2024/b.txt"], "2024"),
        (["2024/a.txt", "2025/b.txt"], "A"),
        (["-"], "A"),
    ],
)
def test_set_name(inputs, expected):
    assert set_name(inputs, "A") == expected
