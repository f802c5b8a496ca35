"""The baseline that a fine-tuned encoder has to beat: character n-grams and a linear SVM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policylens.data.labels import LabelledParagraph

# Characters, since word segmentation adds a dependency and no accuracy on Chinese topic labels (Li et al.,
# "Is Word Segmentation Necessary for Deep Learning of Chinese Representations?", ACL 2019). Stance hangs
# on longer patterns (不得擅自, 有待提高) than topic.
_THEME_NGRAMS = (1, 3)
_STANCE_NGRAMS = (1, 4)
# From this many rows on, n-grams seen once are left out: half of the memory, the same accuracy.
_MANY_ROWS = 2000


@dataclass(frozen=True, slots=True)
class BaselineLabels:
    """What the baseline predicts, in the order of the rows.

    Attributes:
        theme: Theme ids.
        stance: Stance ids; empty where the training rows have no stances.
    """

    theme: tuple[str, ...]
    stance: tuple[str, ...]


def predict_baseline(
    train_rows: Sequence[LabelledParagraph], rows: Sequence[LabelledParagraph], *, seed: int = 0
) -> BaselineLabels:
    """Learns from training rows and labels other rows.

    Args:
        train_rows: Labelled rows; at least one.
        rows: Rows to label; their own labels are not looked at.
        seed: Of the SVM's coordinate descent.
    """
    stance: tuple[str, ...] = ()
    if all(row.stance for row in train_rows):
        labels = [row.stance for row in train_rows]
        stance = _predict(train_rows, labels, rows, ngrams=_STANCE_NGRAMS, seed=seed)
    labels = [row.theme for row in train_rows]
    return BaselineLabels(_predict(train_rows, labels, rows, ngrams=_THEME_NGRAMS, seed=seed), stance)


def _predict(
    train_rows: Sequence[LabelledParagraph],
    labels: Sequence[str],
    rows: Sequence[LabelledParagraph],
    *,
    ngrams: tuple[int, int],
    seed: int,
) -> tuple[str, ...]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    if len(set(labels)) == 1:
        return (labels[0],) * len(rows)
    model = make_pipeline(
        TfidfVectorizer(
            analyzer="char",
            ngram_range=ngrams,
            sublinear_tf=True,
            min_df=2 if len(train_rows) >= _MANY_ROWS else 1,
        ),
        LinearSVC(random_state=seed),
    )
    model.fit(list(map(_text, train_rows)), labels)
    return tuple(str(label) for label in model.predict(list(map(_text, rows))))


def _text(row: LabelledParagraph) -> str:
    """Title and text; without the title a task such as stance toward a target could not be learned."""
    return f"{row.paragraph.title}\n{row.paragraph.text}".strip()
