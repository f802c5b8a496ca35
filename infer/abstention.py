"""Labels that are held back: from the precision asked for to thresholds, by what a model folder promises."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from policylens.data.errors import ConfigError
from policylens.data.records import TaggedParagraph
from policylens.models.bundle import Bundle
from policylens.models.config import Promise, promise_for

logger = logging.getLogger(__name__)

# A label that is wrong every other time is none that anybody asks for.
_LEAST_PRECISION, _MOST_PRECISION = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """Below which probability the labels of one head are held back.

    Attributes:
        head: "theme" or "stance".
        precision: Share of right labels that was asked for.
        confidence: Least probability that keeps it; None where the folder promises no such precision, and
            every label is held back.
        highest: The highest precision that the folder promises.
    """

    head: str
    precision: float
    confidence: float | None
    highest: float

    def reason(self, probability: float) -> str:
        """Why a label of this probability is held back, "" where it is not."""
        if self.confidence is None:
            return (
                f"no {self.head} probability keeps {_percent(self.precision)} right; "
                f"at most {_percent(self.highest)}"
            )
        if probability >= self.confidence:
            return ""
        places = _places(probability, self.confidence)
        return (
            f"{self.head} probability {probability:.{places}f} below {self.confidence:.{places}f}, "
            f"which keeps {_percent(self.precision)} right"
        )


@dataclass(frozen=True, slots=True)
class Abstention:
    """Thresholds of both heads; None for the stance where the taxonomy has none."""

    theme: Threshold
    stance: Threshold | None

    def hold_back(self, tagged: TaggedParagraph) -> TaggedParagraph:
        """The paragraph without the labels that are too uncertain; scores and candidates stay.

        Secondary themes go with the primary theme that they are secondary to.
        """
        reason = self.theme.reason(tagged.theme_score)
        stance_reason = self.stance.reason(tagged.stance_score) if self.stance else ""
        kept = replace(tagged, abstained=reason, stance_abstained=stance_reason)
        if reason:
            kept = replace(kept, theme="", also=())
        return replace(kept, stance="") if stance_reason else kept


def abstention_for(bundle: Bundle, min_precision: float) -> Abstention:
    """Thresholds at which the labels that a model gives out are right as often as asked.

    Raises:
        ConfigError: The precision is not between 0.5 and 1, or the folder holds no promises.
    """
    if not _LEAST_PRECISION < min_precision < _MOST_PRECISION:
        raise ConfigError(
            f"min_precision is {min_precision:g}; expected a share between 0.5 and 1, e.g. 0.95"
        )
    theme = _threshold(bundle, "theme", min_precision)
    stance = _threshold(bundle, "stance", min_precision) if bundle.taxonomy.stances else None
    return Abstention(theme, stance)


def _threshold(bundle: Bundle, head: str, precision: float) -> Threshold:
    promises = bundle.config.abstention.get(head, ())
    if not promises:
        raise ConfigError(
            f"model folder {bundle.folder} does not say how sure a {head} must be to be right: fit that with "
            f"`policylens calibrate --model {bundle.folder} --data held_out.jsonl` on labelled paragraphs "
            "that it was not trained on, or train it again"
        )
    found: Promise | None = promise_for(promises, precision)
    if found is None:
        logger.warning(
            "%s can promise at most %s of its %ss to be right, not %s: every %s is left out",
            bundle.folder.name,
            _percent(promises[-1].precision),
            head,
            _percent(precision),
            head,
        )
    confidence = None if found is None else found.confidence
    return Threshold(head, precision, confidence, promises[-1].precision)


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _places(probability: float, confidence: float) -> int:
    """Two decimals, or as many as show that one number is below the other."""
    return next(
        (n for n in (2, 3, 4) if f"{probability:.{n}f}" != f"{confidence:.{n}f}"),
        6,
    )
