import pytest

from policylens.data.records import LabelScore, TaggedParagraph
from policylens.data.taxonomy import load_taxonomy
from policylens.infer.classify import Classifier
from policylens.infer.digests.salience import Salience


class KeywordClassifier:
    """Stands in for a model: the first keyword found gives theme and stance, with fixed scores."""

    KEYWORDS = (("绿色", "green", "support"), ("贷款", "finance", "neutral"), ("严禁", "safety", "restrict"))

    def __init__(self):
        self.taxonomy = load_taxonomy()
        self.seen = []

    def classify(self, paragraphs, *, batch_tokens=4096, top=3):
        for par in paragraphs:
            self.seen.append(par.text)
            theme, stance = next(
                ((theme, stance) for word, theme, stance in self.KEYWORDS if word in par.text),
                ("growth", "neutral"),
            )
            also = tuple(t for word, t, _ in self.KEYWORDS if word in par.text and t != theme)
            ranked = [LabelScore(theme, 0.87654321), LabelScore("none", 0.1), LabelScore("talent", 0.02)]
            yield TaggedParagraph(par, theme, 0.87654321, also, stance, 0.75, tuple(ranked[:top]))


class Loads:
    """What `Classifier.load` was called with, and the classifier that it gave."""

    def __init__(self):
        self.calls = []
        self.classifier = KeywordClassifier()

    def load(self, model=None, *, device="auto", backend=None, min_precision=None, vectors=False):
        self.calls.append((model, device))
        return self.classifier


@pytest.fixture
def loads(monkeypatch):
    loads = Loads()
    monkeypatch.setattr(Classifier, "load", loads.load)
    # Its answers have no clause vectors: it stands for a model folder without a salience head.
    monkeypatch.setattr(Salience, "open", lambda model=None: None)
    return loads


@pytest.fixture
def keyword_classifier():
    return KeywordClassifier()
