"""Scores that must not fall; the floors, and hashes of what they are measured on, are in quality_floors.json.

A floor is lowered only together with an entry in CHANGELOG.md that says why; another hash means other data,
of which the floor has to be measured anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from policylens.data.labels import LabelledParagraph, read_labelled
from policylens.data.read import read_document
from policylens.data.records import CitedSentence, Paragraph, TaggedParagraph
from policylens.data.reflow import reflow
from policylens.data.sentences import is_balanced
from policylens.data.taxonomy import load_taxonomy
from policylens.infer.classify import Classifier
from policylens.infer.summary import summarize_inputs

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
PAGES = ROOT / "tests" / "data" / "pages"
SAMPLE = ROOT / "data" / "samples" / "binhe_industry_conference.txt"
FLOORS = json.loads(Path(__file__).with_name("quality_floors.json").read_text(encoding="utf-8"))


def pinned(*paths: Path) -> str:
    """SHA-256 over the bytes of the files, in this order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def page_files() -> list[Path]:
    return sorted(path for path in PAGES.iterdir() if path.suffix in {".txt", ".jsonl"})


def test_reflow_of_our_pages() -> None:
    floor = FLOORS["reflow"]
    files = page_files()
    assert pinned(*files) == floor["sha256"], "other pages: measure the floor anew"
    exact = total = 0
    for expected in (path for path in files if path.suffix == ".jsonl" and path.with_suffix(".txt") in files):
        rows = [json.loads(line) for line in expected.read_text(encoding="utf-8").splitlines()]
        bodies = [row["text"] for row in rows if row["kind"] == "body"]
        found = {
            par.text for par in reflow(read_document(expected.with_suffix(".txt"))) if par.kind == "body"
        }
        exact += sum(text in found for text in bodies)
        total += len(bodies)
    assert exact / total >= floor["exact_bodies"]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(device="cpu")


def accuracy(classifier: Classifier, rows: list[LabelledParagraph]) -> tuple[float, float]:
    tagged = list(classifier.classify([row.paragraph for row in rows]))
    themes = sum(row.theme == tag.theme for row, tag in zip(rows, tagged, strict=True))
    stances = sum(row.stance == tag.stance for row, tag in zip(rows, tagged, strict=True))
    return themes / len(rows), stances / len(rows)


@pytest.mark.parametrize(
    ("name", "path"),
    [("written_test", ROOT / "data" / "labeled" / "test.jsonl"), ("gold_dev", SHARED / "gold_dev.jsonl")],
)
def test_labels(classifier: Classifier, name: str, path: Path) -> None:
    if not path.is_file():
        pytest.skip("the shared data is not here")
    floor = FLOORS[name]
    assert pinned(path) == floor["sha256"], "other rows: measure the floor anew"
    theme, stance = accuracy(classifier, read_labelled(path, taxonomy=load_taxonomy()))
    assert theme >= floor["theme_accuracy"]
    assert stance >= floor["stance_accuracy"]


def test_form_of_digests() -> None:
    floor = FLOORS["digest_form"]
    pages = [SAMPLE, *(path for path in page_files() if path.suffix == ".txt")]
    summary = summarize_inputs([str(page) for page in pages], device="cpu")
    texts = {(paragraph.doc, paragraph.para): paragraph.text for paragraph in map(plain, summary.sources)}
    found = [sentence for theme in summary.digest.themes for sentence in theme.sentences]
    faulty = [
        sentence.text
        for sentence in found
        if not is_well_formed(sentence, [texts[(place.doc, place.para)] for place in sentence.citations])
    ]
    assert len(found) >= floor["least_sentences"]
    assert len(faulty) <= floor["most_faults"], faulty


def plain(source: Paragraph | TaggedParagraph) -> Paragraph:
    return source.paragraph if isinstance(source, TaggedParagraph) else source


def is_well_formed(sentence: CitedSentence, sources: list[str]) -> bool:
    """Closed quotations, a final stop, and no number that its sources do not have."""
    numbers = re.findall(r"\d[\d.,]*\d|\d", sentence.text)
    return (
        is_balanced(sentence.text)
        and re.search(r"[。！？][”’」』]?$", sentence.text) is not None
        and all(any(number in source for source in sources) for number in numbers)
    )
