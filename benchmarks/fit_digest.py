"""Fit the weights of `policylens.infer.digests.scoring` to reference digests and print them as its table.

    python benchmarks/fit_digest.py --data digests.jsonl

The format of the data is that of benchmarks/digest.py; only the first reference of a set is used.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.digests.candidates import read_candidates
from policylens.infer.digests.scoring import Frequencies, bigrams, features

# A clause counts by its length up to this many bigrams, so that a few long ones do not rule the fit.
_MAX_WEIGHT = 30
# The theme score is 1 throughout such data; nothing can be learned about it.
_NOT_FITTED = ("theme_score",)


def main() -> None:
    """Print one line per feature: name, weight."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="JSONL with paragraph sets and references")
    options = parser.parse_args()
    rows: list[dict[str, float]] = []
    used: list[float] = []
    sizes: list[int] = []
    for line in options.data.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        texts = [par["text"] for par in item["paragraphs"]]
        tagged = [
            TaggedParagraph(Paragraph(par["doc"], par["para"], "body", par["text"]), item["theme"], 1.0)
            for par in item["paragraphs"]
        ]
        frequencies = Frequencies(texts)
        reference = set(bigrams(item["references"][0]))
        for candidate in read_candidates(tagged):
            pairs = bigrams(candidate.clause.text)
            rows.append(features(candidate.clause.text, candidate.place, frequencies))
            used.append(sum(pair in reference for pair in pairs) / max(1, len(pairs)))
            sizes.append(min(_MAX_WEIGHT, len(pairs)))
    for name, weight in fit(rows, np.array(used), np.array(sizes, dtype=float)).items():
        print(f'    "{name}": {weight:.3f},')  # noqa: T201


def fit(rows: list[dict[str, float]], used: np.ndarray, sizes: np.ndarray) -> dict[str, float]:
    """Logistic regression on the used share: each clause enters as used and as unused, weighted so."""
    names = list(rows[0])
    matrix = np.array([[row[name] for name in names] for row in rows])
    fitted = [i for i, name in enumerate(names) if name not in _NOT_FITTED]
    scale = matrix[:, fitted].std(axis=0)
    scale[scale == 0] = 1.0
    scaled = matrix[:, fitted] / scale
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=500)
    model.fit(
        np.vstack([scaled, scaled]),
        np.r_[np.ones(len(used)), np.zeros(len(used))],
        sample_weight=np.r_[used * sizes, (1 - used) * sizes],
    )
    weights = dict.fromkeys(names, 0.0)
    weights.update({names[i]: float(w) for i, w in zip(fitted, model.coef_[0] / scale, strict=True)})
    return weights


if __name__ == "__main__":
    main()
