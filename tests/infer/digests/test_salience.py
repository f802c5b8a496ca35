import numpy as np
import pytest

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.classify import Classifier
from policylens.infer.digest import digest_paragraphs
from policylens.infer.digests import salience as module
from policylens.infer.digests.salience import Salience, judge
from policylens.infer.engines.backends import OpenVinoBackend, TorchBackend
from policylens.infer.engines.clause_vectors import clause_spans
from policylens.models.bundle import open_bundle

SHORT = "加快建设绿色工厂，降低能耗排放。严禁违规！"
LONG = "支持农民种植粮食，发展乡村产业并改善道路；" * 12 + "鼓励高校培养人才。"


def par(text, number=1, *, title="行动方案"):
    return Paragraph("a", number, "body", text, title=title)


@pytest.fixture(scope="module")
def classifier(tiny_model):
    bundle = open_bundle(tiny_model)
    return Classifier(bundle, OpenVinoBackend(bundle, precision="fp32", states=True))


class Head:
    """Stands in for a fitted head: clauses with 绿 are wanted."""

    def __init__(self, candidates):
        self.wanted = np.array([float("绿" in c.clause.text) for c in candidates], np.float32)

    def predict(self, features, clauses, paragraphs):
        assert len(features) == len(clauses) == len(paragraphs) == len(self.wanted)
        return 0.1 + 0.8 * self.wanted


def test_pieces_concatenate_to_the_paragraph():
    spans = clause_spans(SHORT)
    assert [SHORT[start:end] for start, end in spans] == [
        "加快建设绿色工厂，",
        "降低能耗排放。",
        "严禁违规！",
    ]


def test_labels_are_those_of_classify(classifier):
    paragraphs = [par(SHORT), par(LONG, 2), par("甲", 3, title="")]
    found = list(classifier.classify_with_vectors(paragraphs))
    assert [tagged for tagged, _ in found] == list(classifier.classify(paragraphs))
    assert [len(rows) for _, rows in found] == [len(clause_spans(p.text)) for p in paragraphs]


def test_a_clause_is_the_mean_of_its_tokens(classifier, tiny_model):
    """Against torch's last hidden states, in one window and over several."""
    import torch

    from policylens.models.bundle import load_network

    network = load_network(open_bundle(tiny_model))
    encoder = classifier._encoder
    for text in (SHORT, LONG):
        ((_, rows),) = classifier.classify_with_vectors([par(text)])
        (windows,) = encoder.encode(["行动方案"], [text])
        states = []
        for window in windows:
            ids = torch.tensor([window.ids])
            with torch.no_grad():
                hidden = network.encoder(input_ids=ids, token_type_ids=torch.tensor([window.types]))
            n_context = len(window.types) - sum(window.types)
            states.append(hidden.last_hidden_state[0, n_context:-1])
        tokens = torch.cat(states).numpy()
        encoded = encoder.tokenizer.encode(text, add_special_tokens=False)
        assert len(tokens) == len(encoded.ids)
        start, end = clause_spans(text)[-1]
        inside = [i for i, (first, _) in enumerate(encoded.offsets) if start <= first < end]
        np.testing.assert_allclose(rows[-1], tokens[inside].mean(axis=0), atol=5e-3)


def test_torch_gives_the_same_vectors(classifier, tiny_model):
    bundle = open_bundle(tiny_model)
    plain = Classifier(bundle, TorchBackend(bundle, device="cpu", states=True))
    paragraphs = [par(SHORT), par(LONG, 2)]
    for (_, ours), (_, theirs) in zip(
        classifier.classify_with_vectors(paragraphs), plain.classify_with_vectors(paragraphs), strict=True
    ):
        np.testing.assert_allclose(ours.astype(np.float32), theirs.astype(np.float32), atol=5e-3)


def test_the_head_decides_what_stands_in_a_digest(classifier):
    from policylens.infer.digests.candidates import read_candidates

    texts = ("支持农民种植粮食产业三十多个。", "加快建设绿色工厂降低排放。", "鼓励高校培养人才专家团队。")
    paragraphs = [Paragraph(doc, 1, "body", text) for doc, text in zip("abc", texts, strict=True)]
    given = [TaggedParagraph(p, "green", 1.0) for p in paragraphs]
    salience = Salience(Head(read_candidates(given)))
    assert len(list(salience.read(classifier, given))) == 3
    assert [s.text for s in digest_paragraphs(given, max_chars=15, salience=salience)] == [texts[1]]
    all_of_them = [s.text for s in digest_paragraphs(given, max_chars=100, salience=salience)]
    assert all_of_them == list(texts)


def test_paragraphs_without_vectors_stay_out_unless_none_has_any(classifier):
    from policylens.infer.digests.candidates import read_candidates

    texts = ("加快建设绿色工厂降低排放。", "鼓励高校培养人才专家团队。")
    given = [TaggedParagraph(par(text, number), "green", 1.0) for number, text in enumerate(texts)]
    salience = Salience(Head(read_candidates(given[:1])))
    surface = digest_paragraphs(given, max_chars=100)
    assert digest_paragraphs(given, max_chars=100, salience=salience) == surface
    assert len(surface) == 2
    list(salience.classify(classifier, [given[0].paragraph]))
    assert [s.text for s in digest_paragraphs(given, max_chars=100, salience=salience)] == [texts[0]]


def test_of_very_many_labelled_paragraphs_the_most_telling_of_each_theme_are_read(monkeypatch):
    monkeypatch.setattr(module, "MAX_READ", 2)
    monkeypatch.setattr(module, "_LEAST_OF_A_THEME", 1)
    figures = "全省完成节能改造项目400个，新建绿色工厂30家。"
    given = [
        TaggedParagraph(par(text, number), theme, 1.0)
        for number, (theme, text) in enumerate(
            [
                ("green", "大家都很高兴。"),
                ("green", figures),
                ("talent", figures),
                ("talent", "大家都很高兴。"),
            ]
        )
    ]

    class Reader:
        def classify_with_vectors(self, paragraphs):
            return ((TaggedParagraph(p, "x", 1.0), np.zeros((1, 2), np.float16)) for p in paragraphs)

    read = list(Salience(Head(())).read(Reader(), given))
    assert [item.paragraph.para for item in read] == [1, 2]


def test_a_folder_without_head_has_no_salience(tiny_model):
    assert Salience.open(tiny_model) is None


def test_without_a_head_surface_features_judge():
    from policylens.infer.digests.candidates import read_candidates

    given = [TaggedParagraph(par("全省完成节能改造项目400个。"), "green", 1.0)]
    judged = judge(read_candidates(given), given)
    assert judged.vectors is None
    assert ((0 < judged.salience) & (judged.salience < 1)).all()
