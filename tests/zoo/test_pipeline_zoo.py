"""Every case through what `classify` and `summarize` do, with a model, beside a file that is good."""

import json
from collections import Counter, defaultdict

import pytest

from policylens.data.records import TaggedParagraph
from policylens.infer import pipeline
from policylens.infer.classify import Classifier
from policylens.infer.streams.formats import ReportFormat
from tests.zoo.bounds import cost
from tests.zoo.test_zoo import CASES, RECORDS, named

GOOD, GOOD_TEXT = "zz_good.txt", "支持农民合作社建设冷链仓库，每座补助二十万元。"
# Marks of headings and emphasis are no text.
MARKDOWN = str.maketrans("", "", "#*")
# Of processor time, for one case. See the docstrings of `test_large.py` for what is larger.
CASE_SECONDS = 30
# Over what the process with its model uses anyhow. The hungriest cases are lines and pages of the size of the
# limit `parsed_mb`.
CASE_MEMORY_MB = 1_500


@pytest.fixture(scope="module")
def classifier(tiny_model):
    """A model of two layers, loaded once; it reads what the shipped one would, windows and all."""
    return Classifier.load(tiny_model, device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline_zoo")
    for case in CASES:
        case.write(folder)
    (folder / GOOD).write_text(GOOD_TEXT, encoding="utf-8")
    return folder


def squeezed(*texts):
    """Without white space, which reflow is free to change."""
    return "".join("".join(texts).split())


def check_failures(case, path, failures):
    """Each bad file is one named line, each bad record one; nothing else is."""
    assert {failure.path for failure in failures} <= {path}
    assert all(len(failure.message.splitlines()) == 1 for failure in failures)
    if case.error:
        (failure,) = failures
        assert failure.message.startswith((f"{path}: ", f"{path}, line "))
        assert case.error in failure.message
    else:
        assert [(failure.line, failure.error) for failure in failures] == list(case.bad)


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@named(CASES)
def test_classify_tags_what_is_good_and_names_what_is_bad(case, folder, classifier, tmp_path):
    path, out, failures = str(folder / case.name), tmp_path / "tags.jsonl", []
    with cost() as spent:
        done = pipeline.classify_to(
            out,
            [path, str(folder / GOOD)],
            lambda: classifier,
            all_kinds=True,
            on_failure=failures.append,
        )
    assert spent.seconds < CASE_SECONDS
    assert spent.memory_mb < CASE_MEMORY_MB
    *rows, good = rows_of(out)
    assert (good["doc"], good["text"]) == ("zz_good", GOOD_TEXT)
    assert good["theme"]
    check_failures(case, path, failures)
    assert done.failures == len(failures)
    if failures:
        listed = rows_of(pipeline.errors_file(out))
        assert [row["message"] for row in listed] == [failure.message for failure in failures]
    assert {row["doc"] for row in rows} <= {case.name.split(".")[0]}
    assert all((row["theme"] is not None) == (row["kind"] == "body") for row in rows)
    if case.text is None:
        assert [row["text"] for row in rows] == list(case.records)
    else:
        text = case.text.translate(MARKDOWN) if case.name.endswith(".md") else case.text
        assert squeezed(*(row["text"] for row in rows)) == squeezed(text)


@named(CASES)
def test_summarize_digests_what_is_good_and_names_what_is_bad(
    case, folder, classifier, tiny_model, monkeypatch
):
    monkeypatch.setattr(Classifier, "load", lambda *_, **__: classifier)
    path, failures = str(folder / case.name), []
    with cost() as spent:
        summary = pipeline.summarize_inputs(
            [path, str(folder / GOOD)], model=tiny_model, on_failure=failures.append
        )
        reports = {form: pipeline.render(summary, form) for form in ReportFormat}
    assert spent.seconds < CASE_SECONDS
    assert spent.memory_mb < CASE_MEMORY_MB
    check_failures(case, path, failures)
    tagged = [item for item in summary.sources if isinstance(item, TaggedParagraph)]
    assert [item.theme for item in tagged if item.paragraph.text == GOOD_TEXT] == [tagged[-1].theme]
    themes = json.loads(reports[ReportFormat.JSON])["themes"]
    assert sum(theme["paragraphs"] for theme in themes) == len(tagged)
    cited = {sentence["doc"] for theme in themes for sentence in theme["sentences"]}
    assert cited <= {case.name.split(".")[0], "zz_good"}
    assert all(reports.values())


def test_the_whole_zoo_in_one_run(folder, classifier, tmp_path):
    out, failures = tmp_path / "tags.jsonl", []
    pipeline.classify_to(out, [str(folder)], lambda: classifier, on_failure=failures.append)
    told = Counter(failure.path for failure in failures)
    wanted = {str(folder / case.name): 1 if case.error else len(case.bad) for case in CASES}
    assert told == Counter(wanted)
    texts = defaultdict(list)
    for row in rows_of(out):
        texts[row["doc"]].append(row["text"])
    assert texts["zz_good"] == [GOOD_TEXT]
    for case in RECORDS:
        assert texts[case.name.split(".")[0]] == list(case.records), case.name
