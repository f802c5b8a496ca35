import threading

import numpy as np
import pandas as pd
import pytest

from policylens.data.records import Paragraph
from policylens.infer import Classifier, ColumnTagger
from policylens.infer.texts import as_paragraphs

TEXTS = ["鼓励加快推动绿色工厂降低排放。", "严禁违规不得农民种植粮食。", "", "高校培养人才，鼓励加快推动。"]


@pytest.fixture(scope="module")
def classifier(tiny_model):
    return Classifier.load(tiny_model, device="cpu")


def test_strings_and_paragraphs_may_be_mixed():
    par = Paragraph("报告", 7, "body", "甲。")
    first, second = as_paragraphs(iter(["乙。", par]))
    assert (first.doc, first.para, first.kind, first.text, first.end) == ("text", 1, "body", "乙。", 2)
    assert second is par


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("一段文字", r"expected many texts, found one string; put it into a list"),
        (["甲。", None], r"text 2 is NoneType \(None\); expected a string or a Paragraph"),
        ([float("nan")], r"text 1 is float \(nan\); expected"),
    ],
)
def test_what_is_no_text(texts, message):
    with pytest.raises(TypeError, match=message):
        list(as_paragraphs(texts))


def test_a_classifier_takes_strings(classifier):
    found = list(classifier.classify(TEXTS))
    as_records = classifier.classify([Paragraph("d", n, "body", text) for n, text in enumerate(TEXTS, 1)])
    assert [(t.theme, t.stance, t.theme_score) for t in found] == [
        (t.theme, t.stance, t.theme_score) for t in as_records
    ]
    assert [t.paragraph.text for t in found] == TEXTS
    assert [t.theme for t in found][:2] == ["green", "rural"]


def test_one_classifier_serves_many_threads(classifier):
    lists = [[f"{TEXTS[n % 4]}第{k}条" for n in range(70)] for k in range(6)]
    alone = [[(t.theme, t.theme_score) for t in classifier.classify(texts)] for texts in lists]
    results, errors = {}, []
    start = threading.Barrier(len(lists))

    def work(number):
        try:
            start.wait()
            results[number] = [(t.theme, t.theme_score) for t in classifier.classify(iter(lists[number]))]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(lists))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for number, expected in enumerate(alone):
        assert [theme for theme, _ in results[number]] == [theme for theme, _ in expected]
        scores = ([score for _, score in rows] for rows in (results[number], expected))
        np.testing.assert_allclose(*scores, atol=1e-4)


def test_columns_of_a_pandas_frame(tiny_model):
    titles = ["行动方案", None, "", "题"]
    frame = pd.DataFrame({"text": TEXTS, "title": titles}, index=[4, 3, 2, 1])
    labels = ColumnTagger(tiny_model, device="cpu")(frame)
    joined = frame.join(pd.DataFrame(labels, index=frame.index))
    records = [
        Paragraph("d", number, "body", text, title=title or "")
        for number, (text, title) in enumerate(zip(TEXTS, titles, strict=True), start=1)
    ]
    expected = list(Classifier.load(tiny_model, device="cpu").classify(records))
    assert list(joined["theme"]) == [tagged.theme for tagged in expected]
    np.testing.assert_allclose(joined["theme_score"], [tagged.theme_score for tagged in expected], atol=1e-4)
    assert {len(column) for column in labels.values()} == {4}
    assert list(labels) == ["theme", "theme_score", "also", "stance", "stance_score", "themes"]


def test_columns_of_a_dataset(tiny_model):
    datasets = pytest.importorskip("datasets")
    tagger = ColumnTagger(tiny_model, device="cpu")
    data = datasets.Dataset.from_dict({"text": TEXTS * 3})
    tagged = data.map(tagger, batched=True, batch_size=5)
    direct = tagger({"text": TEXTS})
    assert tagged["theme"] == direct["theme"] * 3
    assert tagged["also"] == direct["also"] * 3


def test_a_loaded_tagger_pickles_like_a_new_one(tiny_model):
    import pickle

    tagger = ColumnTagger(tiny_model, device="cpu")
    before = pickle.dumps(tagger)
    tagger({"text": TEXTS[:1]})
    assert pickle.dumps(tagger) == before
    assert pickle.loads(before)({"text": TEXTS[:1]}) == tagger({"text": TEXTS[:1]})
