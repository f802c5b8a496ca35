from __future__ import annotations

import pytest

from policylens.data.errors import TaxonomyError
from policylens.data.label_formats.label_map import load_label_map
from policylens.data.taxonomy import Label, Taxonomy, parents_of
from policylens.data.taxonomy_changes import (
    LabelChange,
    Rename,
    Split,
    diff_as_dict,
    diff_as_lines,
    diff_taxonomies,
    map_skeleton,
)

OLD = Taxonomy(
    "own",
    "1",
    (
        Label("water", "水利工程", definition="水库和堤防的建设"),
        Label("road", "交通", definition="公路和铁路"),
        Label("misc", "杂项"),
    ),
    (Label("pro", "支持"), Label("con", "反对")),
)
NEW = Taxonomy(
    "own",
    "2",
    (
        Label("hydro", "水利工程", definition="水库和堤防的建设与管理"),
        Label("road", "交通", definition="公路、铁路和航空"),
        Label("energy", "能源"),
    ),
    (Label("con", "反对"), Label("pro", "支持")),
)


class TestDiff:
    def test_every_kind_of_change(self) -> None:
        diff = diff_taxonomies(OLD, NEW)
        assert diff.themes.added == ("hydro", "energy")
        assert diff.themes.removed == ("water", "misc")
        assert diff.themes.renamed == (Rename("water", "hydro", 1.0),)
        assert diff.themes.changed == (LabelChange("road", ("definition",)),)
        assert diff.stances.changed == ()
        assert diff.stances.reordered

    def test_nothing_changed(self) -> None:
        diff = diff_taxonomies(OLD, OLD)
        assert diff.themes.is_empty
        assert diff_as_lines(diff) == ["own 1 -> own 1", "no changes"]

    def test_labels_added_at_the_end_keep_the_order_of_logits(self) -> None:
        more = Taxonomy("own", "2", (*OLD.themes, Label("new", "新")), OLD.stances)
        first = Taxonomy("own", "2", (Label("new", "新"), *OLD.themes), OLD.stances)
        assert not diff_taxonomies(OLD, more).themes.reordered
        assert diff_taxonomies(OLD, first).themes.reordered

    def test_lines_for_reading(self) -> None:
        assert diff_as_lines(diff_taxonomies(OLD, NEW)) == [
            "own 1 -> own 2",
            "~ theme water -> hydro? (likeness 1.00)",
            "- theme misc",
            "+ theme energy",
            "* theme road: definition",
            "! stances are in another order: models of the two do not share their heads",
        ]

    def test_fields_for_json(self) -> None:
        themes = diff_as_dict(diff_taxonomies(OLD, NEW))["themes"]
        assert themes["renamed"] == ({"old": "water", "new": "hydro", "likeness": 1.0},)

    def test_the_map_that_it_begins_is_refused_until_it_is_complete(self, tmp_path) -> None:
        path = tmp_path / "map.yaml"
        path.write_text(map_skeleton(diff_taxonomies(OLD, NEW)), encoding="utf-8")
        with pytest.raises(TaxonomyError, match=r"themes, entry 2 \(misc\): the key 'to' is missing"):
            load_label_map(path, old=OLD, new=NEW)
        path.write_text(path.read_text(encoding="utf-8").rstrip() + "\n  to: energy\n", encoding="utf-8")
        found = load_label_map(path, old=OLD, new=NEW)
        assert {old: target.ids for old, target in found.themes.items()} == {
            "water": ("hydro",),
            "misc": ("energy",),
        }


class TestSplitsAndMerges:
    OLD = Taxonomy(
        "own",
        "1",
        (
            Label("supply", "饮用水", definition="谈水厂、管网和水质。"),
            Label("rivers", "河道治理", definition="谈河道的治理。"),
            Label("lakes", "湖泊治理", definition="谈湖泊的治理。"),
        ),
    )
    NEW = Taxonomy(
        "own",
        "2",
        (
            Label("supply/works", "水厂", include=("水厂", "管网")),
            Label("supply/quality", "水质", include=("检测",)),
            Label("waters", "河湖治理", definition="谈河道和湖泊的治理。"),
        ),
    )

    def test_parts_by_their_ids_and_two_labels_that_became_one(self) -> None:
        diff = diff_taxonomies(self.OLD, self.NEW).themes
        assert diff.split == (
            Split("supply", (("supply/works", ("水厂", "管网")), ("supply/quality", ("检测",)))),
        )
        assert {(rename.old, rename.new) for rename in diff.renamed} == {
            ("rivers", "waters"),
            ("lakes", "waters"),
        }
        assert diff_as_lines(diff_taxonomies(self.OLD, self.NEW))[1] == (
            "~ theme supply -> supply/works + supply/quality? (parts)"
        )

    def test_the_map_is_ready_to_use(self, tmp_path) -> None:
        path = tmp_path / "map.yaml"
        path.write_text(map_skeleton(diff_taxonomies(self.OLD, self.NEW)), encoding="utf-8")
        found = load_label_map(path, old=self.OLD, new=self.NEW).themes
        assert found["supply"].of("今年检测水样千份。") == "supply/quality"
        assert found["supply"].of("与此无关。") == ""
        assert found["rivers"].ids == found["lakes"].ids == ("waters",)


class TestHierarchy:
    def test_parents_of_an_id(self) -> None:
        assert parents_of("industry/steel/scrap") == ("industry", "industry/steel")
        assert parents_of("industry") == ()

    @pytest.mark.parametrize("label", ["输入/输出 设备", "a//b", "/a", "a/"])
    def test_free_text_is_no_hierarchy(self, label: str) -> None:
        assert parents_of(label) == ()

    def test_places_under_each_parent(self) -> None:
        ids = ("industry/steel", "water", "industry/textile/silk", "industry")
        taxonomy = Taxonomy("own", "1", tuple(Label(item, item) for item in ids))
        assert taxonomy.parents == {"industry": (0, 2, 3), "industry/textile": (2,)}
        assert OLD.parents == {}
