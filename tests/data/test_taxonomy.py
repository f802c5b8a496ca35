from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.data.errors import TaxonomyError
from policylens.data.taxonomy import (
    Group,
    Label,
    Taxonomy,
    dump_taxonomy,
    load_taxonomy,
    nearest_id,
    taxonomy_from_labels,
)

THEME_IDS = (
    "growth innovation supply_chain upgrading emerging integration ict quality green sme finance opening "
    "regional governance safety talent rural livelihood culture infrastructure politics none"
).split()

SMALL = Taxonomy(
    name="demo",
    version="2",
    themes=(
        Label("industry/upgrading", "产业升级", "Upgrading", group="g"),
        Label("rural", "农业农村", "Countryside", group="g"),
        Label("none", "其他", digest=False),
    ),
    stances=(Label("for", "赞成", "In favour"), Label("against", "反对", "Against")),
    groups=(Group("g", "组", "Group"),),
)

VALID = """\
name: demo
version: "2"
themes:
  - id: rural
    name_zh: 农业农村
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "t.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_taxonomy_has_the_themes_and_stances_of_the_codebook_in_order() -> None:
    taxonomy = load_taxonomy()
    assert (taxonomy.name, taxonomy.version) == ("policy-zh", "1.1")
    assert taxonomy.theme_ids == tuple(THEME_IDS)
    assert taxonomy.stance_ids == ("support", "restrict", "concern", "neutral")
    assert [label.id for label in taxonomy.themes if not label.digest] == ["none"]


def test_shipped_taxonomy_describes_every_label() -> None:
    taxonomy = load_taxonomy()
    assert [group.id for group in taxonomy.groups] == ["industry", "governance-finance", "society"]
    assert all(label.group for label in taxonomy.themes)
    for label in (*taxonomy.themes, *taxonomy.stances):
        assert label.definition, label.id
        assert label.include and label.exclude, label.id
        assert label.name_en != label.id, label.id
        assert len(label.examples) >= 2, label.id
        assert [text for text in label.examples if not 30 <= len(text) <= 90] == []


def test_shipped_examples_are_all_different() -> None:
    taxonomy = load_taxonomy()
    examples = [text for label in (*taxonomy.themes, *taxonomy.stances) for text in label.examples]
    assert len(set(examples)) == len(examples)


def test_theme_and_stance_return_the_label_of_an_exact_id() -> None:
    assert SMALL.theme("rural").name_zh == "农业农村"
    assert SMALL.stance("against").name_en == "Against"


def test_unknown_theme_names_value_taxonomy_version_nearest_and_known_ids() -> None:
    with pytest.raises(TaxonomyError) as caught:
        SMALL.theme("rurall")
    assert str(caught.value) == (
        "unknown theme 'rurall'; did you mean 'rural'? "
        "taxonomy 'demo' (version 2) has: industry/upgrading, rural, none"
    )


def test_unknown_stance_far_from_all_makes_no_guess() -> None:
    with pytest.raises(TaxonomyError) as caught:
        SMALL.stance("xyzzy")
    assert str(caught.value) == "unknown stance 'xyzzy'; taxonomy 'demo' (version 2) has: for, against"


def test_stance_of_a_task_without_stances() -> None:
    taxonomy = taxonomy_from_labels("titles", ["财经"])
    with pytest.raises(TaxonomyError) as caught:
        taxonomy.stance("support")
    assert str(caught.value) == "unknown stance 'support': taxonomy 'titles' (version from-data) has none"


def test_known_ids_are_cut_in_a_taxonomy_of_hundreds() -> None:
    taxonomy = taxonomy_from_labels("big", [f"label{number:03}" for number in range(120)])
    with pytest.raises(TaxonomyError, match=r"label038, label039, \.\.\. \(120 in all\)$"):
        taxonomy.theme("其他")


@pytest.mark.parametrize("name", ["rural", "RURAL", "农业农村", "countryside", " Countryside "])
def test_find_theme_takes_id_chinese_and_english_name(name: str) -> None:
    assert SMALL.find_theme(name).id == "rural"


def test_find_stance_takes_names_too() -> None:
    assert SMALL.find_stance("赞成").id == "for"
    assert SMALL.find_stance("in FAVOUR").id == "for"


def test_find_theme_suggests_by_name() -> None:
    with pytest.raises(TaxonomyError, match="unknown theme '产业升及'; did you mean 'industry/upgrading'"):
        SMALL.find_theme("产业升及")


def test_find_theme_refuses_a_shared_name() -> None:
    taxonomy = Taxonomy("demo", "1", (Label("a", "甲", "Same"), Label("b", "乙", "Same")))
    with pytest.raises(TaxonomyError, match="the theme name 'same' is shared by a, b; use the id"):
        taxonomy.find_theme("same")


def test_find_theme_prefers_the_exact_id_over_a_name() -> None:
    taxonomy = Taxonomy("demo", "1", (Label("a", "b", "x"), Label("b", "乙", "y")))
    assert taxonomy.find_theme("b").name_zh == "乙"


def test_nearest_id_is_empty_where_nothing_is_close() -> None:
    assert nearest_id("农业农存", SMALL.themes) == "rural"
    assert nearest_id("量子", SMALL.themes) == ""


def test_taxonomy_from_labels_sorts_and_merges() -> None:
    taxonomy = taxonomy_from_labels("c", ["支持", "反对", "支持 ", "中立"], ["b", "a"])
    assert taxonomy.theme_ids == ("中立", "反对", "支持")
    assert taxonomy.stance_ids == ("a", "b")
    assert taxonomy.theme("支持") == Label("支持", "支持", "支持")


def test_taxonomy_from_labels_refuses_empty_labels_and_no_labels() -> None:
    with pytest.raises(TaxonomyError, match="themes: one label is empty"):
        taxonomy_from_labels("c", ["支持", " "])
    with pytest.raises(TaxonomyError, match="at least one theme"):
        taxonomy_from_labels("c", [])


def test_english_name_falls_back_to_the_id(tmp_path: Path) -> None:
    taxonomy = load_taxonomy(write(tmp_path, VALID + "groups: []\nstances: []\n"))
    assert taxonomy.themes == (Label("rural", "农业农村", "rural"),)
    assert taxonomy.stances == ()


def test_shipped_taxonomy_survives_dump_and_load(tmp_path: Path) -> None:
    assert load_taxonomy(write(tmp_path, dump_taxonomy(load_taxonomy()))) == load_taxonomy()


# Any text that is not blank; surrogates cannot be written as UTF-8.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda s: s.strip())
text_tuples = st.lists(texts, max_size=3).map(tuple)


def labels_in(groups: tuple[Group, ...], *, min_size: int) -> st.SearchStrategy[tuple[Label, ...]]:
    label = st.builds(
        Label,
        id=texts,
        name_zh=texts,
        name_en=st.just("") | texts,
        definition=st.just("") | texts,
        include=text_tuples,
        exclude=text_tuples,
        examples=text_tuples,
        group=st.sampled_from(["", *(group.id for group in groups)]),
        digest=st.booleans(),
    )
    return st.lists(label, min_size=min_size, max_size=4, unique_by=lambda item: item.id).map(tuple)


@st.composite
def taxonomies(draw: st.DrawFn) -> Taxonomy:
    group = st.builds(Group, texts, texts, texts)
    groups = tuple(draw(st.lists(group, max_size=2, unique_by=lambda item: item.id)))
    themes = draw(labels_in(groups, min_size=1))
    stances = draw(labels_in(groups, min_size=0))
    return Taxonomy(draw(texts), draw(texts), themes, stances, groups)


@settings(max_examples=40, deadline=None)
@given(taxonomies())
def test_load_gives_back_what_dump_wrote(
    tmp_path_factory: pytest.TempPathFactory, taxonomy: Taxonomy
) -> None:
    path = tmp_path_factory.mktemp("dump") / "t.yaml"
    path.write_bytes(dump_taxonomy(taxonomy).encode("utf-8"))
    assert load_taxonomy(path) == taxonomy


LABEL_KEYS = "id, name_zh, name_en, group, digest, definition, include, exclude, examples"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "top level: expected a mapping with the keys name, version, free_ids, groups, themes, stances; "
             "got nothing"),
        ("- a\n", "got list ['a']"),
        ('name: demo\nversion: "2"\n', "themes: the list is empty; a taxonomy needs at least one theme"),
        ('name: demo\nversion: "2"\nthemes: rural\n', "themes: expected a list, got str 'rural'"),
        ('version: "2"\nthemes: [{id: a, name_zh: 甲}]\n', "top level: the key 'name' is missing"),
        ("name: demo\nversion: 1.1\nthemes: [{id: a, name_zh: 甲}]\n",
         "top level: version: expected text, got float 1.1; put it in quotes if it is text"),
        (VALID + "colour: red\n", "top level: unknown key 'colour'; known keys: name, version, free_ids, "),
        (VALID + "  - rural\n", "themes, entry 2: expected a mapping with the keys"),
        (VALID + "  - name_zh: 甲\n", "themes, entry 2: the key 'id' is missing"),
        (VALID + "  - id: green\n", "themes, entry 2 (green): the key 'name_zh' is missing"),
        (VALID + "  - id: green\n    name_zh: ' '\n", "themes, entry 2 (green): name_zh: the text is empty"),
        (VALID + "  - id: no\n    name_zh: 无\n", "themes, entry 2: id: expected text, got bool False"),
        (VALID + "  - id: rural\n    name_zh: 乡村\n",
         "themes: the id 'rural' is used twice, by entries 1 and 2"),
        (VALID + "    nmae_en: Rural\n",
         f"themes, entry 1: unknown key 'nmae_en'; known keys: {LABEL_KEYS}"),
        (VALID + "    include: 粮食\n",
         "themes, entry 1 (rural): include: expected a list of texts, got str '粮食'"),
        (VALID + "    examples: [粮食, 5]\n",
         "themes, entry 1 (rural): examples, entry 2: expected text, got int 5"),
        (VALID + "    digest: maybe\n",
         "themes, entry 1 (rural): digest: expected true or false, got str 'maybe'"),
        (VALID + "    group: land\n",
         "themes: 'rural' is in the group 'land', which is not listed under groups; listed: none"),
        (VALID + "  - id: a b\n    name_zh: 甲\n", "themes, entry 2: the id 'a b' may hold only letters"),
        (VALID + "  - id: /a\n    name_zh: 甲\n", "themes, entry 2: the id '/a' may hold only letters"),
        (VALID + "    name_zh: 农村\n", "line 6: the key 'name_zh' appears twice in one mapping"),
        (VALID + "themes: []\n", "line 6: the key 'themes' appears twice in one mapping"),
        ("name: [a\nversion: 1\n", "line 2: not valid YAML: expected ',' or ']'"),
        ("name: !!python/object:os.system x\n", "line 1: not valid YAML: could not determine a constructor"),
        ("name: 2024-13-01\n", "not valid YAML: month must be in 1..12"),
    ],
)  # fmt: skip
def test_load_names_file_and_place_of_an_error(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_free_ids_allow_any_text(tmp_path: Path) -> None:
    path = write(tmp_path, VALID + "  - id: 公积金 贷款\n    name_zh: 公积金\nfree_ids: true\n")
    assert load_taxonomy(path).theme_ids == ("rural", "公积金 贷款")


def test_hierarchical_and_chinese_ids_need_no_free_ids(tmp_path: Path) -> None:
    path = write(tmp_path, VALID + "  - {id: industry/up-1, name_zh: 甲}\n  - {id: 支持, name_zh: 支持}\n")
    assert load_taxonomy(path).theme_ids == ("rural", "industry/up-1", "支持")


def test_load_takes_a_byte_order_mark_and_a_path_as_text(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.encode("utf-8"))
    assert load_taxonomy(str(path)).theme_ids == ("rural",)


def test_load_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "absent.yaml"
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(path)
    assert str(caught.value) == f"cannot read the taxonomy file {path}: No such file or directory"


def test_load_names_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes("name: 名称".encode("gb18030"))
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(path)
    assert str(caught.value) == f"{path}: not UTF-8 text (byte 6); save it as UTF-8"
