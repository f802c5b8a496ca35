import numpy as np

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.digests.candidates import read_candidates
from policylens.infer.digests.set_features import feature_names, set_matrix
from policylens.infer.engines.clause_vectors import clause_spans

TEXTS = (
    "全省新建充电桩2万个，淘汰落后产能300万吨。完成节能改造项目400个。",
    "严禁新增印染产能。",
    "企业负责人李明说，改造花掉2900万元。",
)


def matrix(texts=TEXTS, docs=("a", "a", "b")):
    tagged = [
        TaggedParagraph(Paragraph(doc, number, "body", text), "green", 1.0)
        for number, (doc, text) in enumerate(zip(docs, texts, strict=True))
    ]
    generator = np.random.default_rng(0)
    vectors = [generator.normal(size=(len(clause_spans(text)), 4)).astype(np.float16) for text in texts]
    candidates = read_candidates(tagged)
    return candidates, vectors, set_matrix(candidates, tagged, vectors)


def column(found, name):
    return found.features[:, found.names.index(name)]


def test_every_feature_has_its_name():
    candidates, _, found = matrix()
    assert found.names == feature_names()
    assert found.features.shape == (len(candidates), len(feature_names()))
    assert np.isfinite(found.features).all()


def test_ranks_places_and_neighbours():
    candidates, _, found = matrix()
    paragraph = [candidate.paragraph for candidate in candidates]
    assert paragraph == [0, 0, 0, 1, 2, 2]
    assert column(found, "rank_log_length").min() == 0
    assert column(found, "rank_log_length").max() == 1
    # The only clause of its paragraph stands in the middle.
    assert column(found, "paragraph_rank_likeness")[3] == 0.5
    np.testing.assert_allclose(column(found, "document_place"), [0, 0, 0, 0, 1, 1])
    np.testing.assert_allclose(column(found, "paragraph_in_document"), [0, 0, 0, 1, 0, 0])
    figures = column(found, "figure")
    np.testing.assert_allclose(
        column(found, "after_figure"), [figures[1], figures[2], -1, -1, figures[5], -1]
    )
    np.testing.assert_allclose(
        column(found, "before_figure"), [-1, figures[0], figures[1], -1, -1, figures[4]]
    )


def test_vectors_are_those_of_the_pieces_less_the_middle_of_the_paragraphs():
    _, vectors, found = matrix()
    middle = np.mean([rows.astype(np.float32).mean(axis=0) for rows in vectors], axis=0)
    np.testing.assert_allclose(found.clauses[1], vectors[0][1].astype(np.float32) - middle, atol=1e-3)
    np.testing.assert_allclose(found.clauses[5], vectors[2][1].astype(np.float32) - middle, atol=1e-3)
    np.testing.assert_allclose(
        found.paragraphs[4], vectors[2].astype(np.float32).mean(axis=0) - middle, atol=1e-3
    )
