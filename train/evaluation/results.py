"""What an evaluation finds: scores, slices, kept promises and mistakes."""

from __future__ import annotations

from dataclasses import dataclass

from policylens.train.evaluation.metrics import Bin, Kept, LabelScores, Score


@dataclass(frozen=True, slots=True)
class Slice:
    """Accuracy, with its exact interval, on a part of the rows.

    Attributes:
        name: The source, "" for rows that name none; or the range of lengths in characters.
        n: How many rows.
        accuracy: Share of right labels.
    """

    name: str
    n: int
    accuracy: Score


@dataclass(frozen=True, slots=True)
class PromiseCheck:
    """What became of a promise of precision.

    Attributes:
        precision: What was asked for.
        confidence: Least probability that the model gives a label out at; None where its folder promises no
            such precision, and no label is given out.
        kept: What is left on these rows; None where that is nothing.
        verdict: "kept" where the share of right labels is at least what was promised, "within chance"
            where it is not, but its 95 % interval reaches it, "broken" where the interval lies below;
            "not promised" and "nothing kept" else.
    """

    precision: float
    confidence: float | None
    kept: Kept | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong label.

    Attributes:
        doc: Document of the paragraph.
        para: Its number.
        id: Its identifier, "" where it has none.
        source: Its source, "" where it has none.
        title: Title of its document.
        text: The paragraph.
        gold: The right label.
        predicted: The one that the model gave.
        confidence: Its probability.
        gold_probability: That of the right label.
        defensible: Whether an annotator found the predicted label defensible.
    """

    doc: str
    para: int
    id: str
    source: str
    title: str
    text: str
    gold: str
    predicted: str
    confidence: float
    gold_probability: float
    defensible: bool


@dataclass(frozen=True, slots=True)
class AlsoScores:
    """Secondary themes.

    Attributes:
        threshold: Probability from which they are reported.
        precision: Share of the reported ones that an annotator gave too; None where none is reported.
        recall: Share of those given that are reported.
    """

    threshold: float
    precision: Score | None
    recall: Score


@dataclass(frozen=True, slots=True)
class Comparison:
    """The baseline on the same rows.

    Attributes:
        accuracy: Of the baseline.
        macro_f1: Of the baseline.
        accuracy_gain: Model minus baseline, with a paired bootstrap interval.
        macro_f1_gain: Likewise.
    """

    accuracy: Score
    macro_f1: Score
    accuracy_gain: Score
    macro_f1_gain: Score


@dataclass(frozen=True, slots=True)
class HeadEvaluation:
    """Scores of one head.

    Attributes:
        head: "theme" or "stance".
        n: Rows that have this label.
        accuracy: Share of right labels.
        macro_f1: Mean F1 over the labels that occur.
        top2_accuracy: Share of rows whose label is among the two most probable.
        either_accuracy: Share of rows with the label or the other reading that an annotator found
            defensible; None where no row has one.
        calibration_error: Expected calibration error over 10 bins. Without an interval: resampling only
            adds to it.
        by_label: Scores of each label, in taxonomy order.
        confusion: Counts, rows right label, columns predicted.
        by_source: Accuracy by `source`, most rows first; empty where no row names one.
        by_length: Accuracy by the length of the text, short ones first.
        reliability: Confidence and accuracy by bins of confidence.
        abstention: What is left at ever lower thresholds.
        promises: Whether promises of precision hold on these rows; empty where the model makes none.
        mistakes: The wrong labels with the highest confidence.
        baseline: None where no training rows were given.
    """

    head: str
    n: int
    accuracy: Score
    macro_f1: Score
    top2_accuracy: Score
    either_accuracy: Score | None
    calibration_error: float
    by_label: tuple[LabelScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    by_source: tuple[Slice, ...]
    by_length: tuple[Slice, ...]
    reliability: tuple[Bin, ...]
    abstention: tuple[Kept, ...]
    promises: tuple[PromiseCheck, ...]
    mistakes: tuple[Mistake, ...]
    baseline: Comparison | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of a model.

    Attributes:
        model: Name of its folder.
        taxonomy: Name and version.
        backend: What computed it.
        n: Number of paragraphs.
        paragraphs_per_s: Speed, from paragraphs to probabilities, without loading.
        heads: Themes and, where model and rows have them, stances.
        also: Secondary themes; None where no row has one.
    """

    model: str
    taxonomy: str
    backend: str
    n: int
    paragraphs_per_s: float
    heads: tuple[HeadEvaluation, ...]
    also: AlsoScores | None = None
