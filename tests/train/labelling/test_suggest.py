from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier
from policylens.infer.cli import app
from policylens.train.labelling.suggest import Scores, choose, score_pool, sheet_rows, suggest

Rows = Callable[[int], list[LabelledParagraph]]
NO_STANCES = np.zeros((4, 0), np.float32)


class TestScores:
    def test_the_closer_the_best_two_the_more_uncertain(self) -> None:
        themes = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.4, 0.3, 0.3], [1.0, 0.0, 0.0]], np.float32)
        assert score_pool(themes, NO_STANCES).uncertainty == pytest.approx([1.0, 0.2, 0.9, 0.0])

    def test_rarer_labels_count_for_more(self) -> None:
        themes = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
        # Expected counts 3 and 1, 2 on average.
        assert score_pool(themes, NO_STANCES).rarity == pytest.approx([*[(2 / 3) ** 0.5] * 3, 2**0.5])

    def test_stances_have_their_share(self) -> None:
        themes = np.array([[1, 0], [1, 0]], np.float32)
        stances = np.array([[0.5, 0.5], [1, 0]], np.float32)
        assert score_pool(themes, stances).uncertainty == pytest.approx([0.3, 0.0])


class TestChoose:
    def test_one_of_each_heap_and_the_most_uncertain_of_it(self) -> None:
        rng = np.random.default_rng(0)
        centres = np.eye(4, 8, dtype=np.float32) * 10
        vectors = (np.repeat(centres, 5, axis=0) + 0.1 * rng.standard_normal((20, 8))).astype(np.float32)
        uncertainty = np.linspace(0.5, 0.9, 20, dtype=np.float32)
        chosen = choose(vectors, Scores(uncertainty, np.ones(20, np.float32)), n=4, seed=0)
        assert chosen == [19, 14, 9, 4]

    def test_the_sure_are_no_candidates(self) -> None:
        vectors = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
        uncertainty = np.where(np.arange(50) < 10, 0.9, 0.01).astype(np.float32)
        chosen = choose(vectors, Scores(uncertainty, np.ones(50, np.float32)), n=2, seed=0)
        assert max(chosen) < 10

    def test_fewer_than_asked_for(self) -> None:
        scores = Scores(np.array([0.1, 0.2], np.float32), np.ones(2, np.float32))
        assert choose(np.zeros((2, 3), np.float32), scores, n=5, seed=0) == [1, 0]

    def test_equal_vectors_still_give_as_many_as_asked_for(self) -> None:
        scores = Scores(np.linspace(0, 1, 20, dtype=np.float32), np.ones(20, np.float32))
        assert len(set(choose(np.ones((20, 3), np.float32), scores, n=4, seed=0))) == 4


def test_labelled_and_equal_texts_are_left_out(tiny_model: Path, tiny_rows: Rows) -> None:
    classifier = Classifier.load(tiny_model, device="cpu", vectors=True)
    rows = [row.paragraph for row in tiny_rows(12)]
    known = [row.text for row in rows[:6]]
    found = suggest(classifier, [*rows, *rows], n=20, labelled_texts=known)
    assert sorted(item.paragraph.id for item in found) == sorted(row.id for row in rows[6:])
    with pytest.raises(ConfigError, match="no body paragraph that is not labelled already"):
        suggest(classifier, rows, n=2, labelled_texts=[row.text for row in rows])


def test_the_sheet_leaves_the_labels_empty(tiny_model: Path, tiny_rows: Rows) -> None:
    classifier = Classifier.load(tiny_model, device="cpu", vectors=True)
    [row] = sheet_rows(suggest(classifier, [tiny_rows(1)[0].paragraph], n=1))
    assert row["text"] == tiny_rows(1)[0].paragraph.text
    assert row["guess"] in classifier.taxonomy.theme_ids
    assert row["guess_stance"] in classifier.taxonomy.stance_ids
    assert "theme" not in row


def test_from_the_command_line(tmp_path: Path, tiny_model: Path, tiny_rows: Rows) -> None:
    source = tmp_path / "pool.csv"
    texts = [row.paragraph.text for row in tiny_rows(18)]
    source.write_text("text\n" + "".join(f'"{text}"\n' for text in texts), encoding="utf-8")
    done = tmp_path / "done.csv"
    done.write_text(f'text,theme\n"{texts[0]}",green\n', encoding="utf-8")
    out = tmp_path / "sheet.csv"
    result = CliRunner().invoke(
        app,
        [
            *("labels", "suggest", str(source), "-n", "5", "--model", str(tiny_model)),
            *("--labelled", str(done), "-o", str(out)),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "5 paragraphs to label" in result.stderr
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert len(rows) == 5
    assert {row["theme"] for row in rows} == {""}
    assert texts[0] not in {row["text"] for row in rows}
