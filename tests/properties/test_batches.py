"""What a paragraph gets does not depend on what is tagged with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.classify import Classifier

properties = settings.get_profile("model-properties")

# Sums in another order differ in their last digits; int8 has one more step between two levels at most.
TOLERANCE = 2e-3
PIECES = (
    *("加快建设绿色工厂，降低能耗排放。", "支持农民种植粮食，发展乡村产业。", "鼓励高校培养人才。"),
    *("严禁违规，必须停止。", "今年全省各地", "会议要求继续做好工作", "一二三四五", "X1 %", "龘", " "),
)

texts = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join),
    # Longer than the window of 64 tokens, some by far.
    st.builds(lambda text, times: text * times, st.sampled_from(PIECES), st.integers(1, 40)),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80),
).filter(str.strip)
paragraphs = st.builds(
    Paragraph,
    doc=st.just("d"),
    para=st.integers(1, 99),
    kind=st.just("body"),
    text=texts,
    title=st.sampled_from(["", "行动方案", "关于加快绿色发展的行动方案" * 4]),
    heading=st.sampled_from(["", "一、要求"]),
    prev=st.sampled_from(["", "企业和单位明年春天。"]),
)


@pytest.fixture(scope="module", params=["openvino", "torch"])
def classifier(request: pytest.FixtureRequest, tiny_model: Path) -> Classifier:
    return Classifier.load(tiny_model, device="cpu", backend=request.param, vectors=True)


class Alone:
    """Tags of paragraphs that are tagged by themselves, each once."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.known: dict[tuple[str, ...], TaggedParagraph] = {}

    def tags(self, paragraph: Paragraph) -> TaggedParagraph:
        key = (paragraph.text, paragraph.title, paragraph.heading, paragraph.prev)
        if key not in self.known:
            (self.known[key],) = self.classifier.classify([paragraph])
        return replace(self.known[key], paragraph=paragraph)


@pytest.fixture(scope="module")
def alone(classifier: Classifier) -> Alone:
    return Alone(classifier)


def same(one: TaggedParagraph, other: TaggedParagraph) -> None:
    assert one.paragraph is other.paragraph
    assert one.theme_score == pytest.approx(other.theme_score, abs=TOLERANCE)
    assert one.stance_score == pytest.approx(other.stance_score, abs=TOLERANCE)
    ranked, others = ({item.label: item.score for item in tags.themes} for tags in (one, other))
    assert ranked == pytest.approx(others, abs=TOLERANCE)
    # Where two labels are as probable as each other either may be named.
    assert one.theme == other.theme or ranked[one.theme] == pytest.approx(ranked[other.theme], abs=TOLERANCE)
    assert one.stance == other.stance or one.stance_score == pytest.approx(0.5, abs=TOLERANCE)


@properties
@given(data=st.data())
def test_any_batch_gives_what_one_by_one_gives(
    data: st.DataObject, classifier: Classifier, alone: Alone
) -> None:
    chosen = data.draw(st.lists(paragraphs, min_size=1, max_size=8))
    order = data.draw(st.permutations(chosen))
    batch_tokens = data.draw(st.sampled_from([None, 16, 64, 130, 4096]))
    as_stream = data.draw(st.booleans())
    given_items = iter(order) if as_stream else list(order)
    tagged = list(classifier.classify(given_items, batch_tokens=batch_tokens))
    assert len(tagged) == len(order)
    for found, paragraph in zip(tagged, order, strict=True):
        assert found.paragraph is paragraph
        same(found, alone.tags(paragraph))


@properties
@given(data=st.data())
def test_vectors_come_with_the_same_tags(data: st.DataObject, classifier: Classifier, alone: Alone) -> None:
    chosen = data.draw(st.lists(paragraphs, min_size=1, max_size=4))
    batch_tokens = data.draw(st.sampled_from([None, 64]))
    found = list(classifier.classify_with_vectors(chosen, batch_tokens=batch_tokens))
    for (tagged, vectors), paragraph in zip(found, chosen, strict=True):
        same(tagged, alone.tags(paragraph))
        assert vectors.shape[1] == 32
