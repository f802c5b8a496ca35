from __future__ import annotations

from pathlib import Path

import pytest

from policylens.data.crosswalk import load_crosswalk
from policylens.data.errors import ConfigError, TaxonomyError
from policylens.data.taxonomy import Label, Taxonomy, load_taxonomy

OWN = """
name: own
title: Our scheme
taxonomy: t
targets:
  - {code: A, name_en: First}
  - {code: 2, name_en: Second, name_zh: 二}
themes:
  - {theme: water, code: A}
  - {theme: road, code: A, fit: loose, why: "no other"}
  - {theme: none, code: null}
"""


class TestShipped:
    def test_every_theme_has_a_topic_but_none(self) -> None:
        cap = load_crosswalk("cap")
        cap.check(load_taxonomy())
        assert [theme for theme, target in cap.targets.items() if target is None] == ["none"]
        assert cap.fields("green") == {"cap": 7, "cap_name": "Environment"}
        assert cap.fields("talent") == {"cap": 6, "cap_name": "Education"}
        assert cap.fields("none") == {"cap": None, "cap_name": None}

    def test_it_knows_the_21_major_topics(self) -> None:
        text = (Path(__file__).parents[2] / "data" / "crosswalks" / "cap.yaml").read_text(encoding="utf-8")
        codes = [int(line.split("code: ")[1].split(",")[0]) for line in text.splitlines() if "{code:" in line]
        # Numbers 11 and 22 are not in use.
        assert codes == [*range(1, 11), *range(12, 22), 23]


class TestOwnFile:
    def test_codes_may_be_text(self, tmp_path: Path) -> None:
        path = tmp_path / "own.yaml"
        path.write_text(OWN, encoding="utf-8")
        own = load_crosswalk(path)
        assert own.fields("road") == {"own": "A", "own_name": "First"}
        assert own.fields("") == {"own": None, "own_name": None}
        assert len(own.digest) == 64

    def test_themes_that_it_does_not_know(self, tmp_path: Path) -> None:
        path = tmp_path / "own.yaml"
        path.write_text(OWN, encoding="utf-8")
        taxonomy = Taxonomy("mine", "1", (Label("water", "水利"), Label("sky", "天")))
        with pytest.raises(ConfigError, match="no entry for 1 themes of 'mine': sky"):
            load_crosswalk(path).check(taxonomy)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (
                "theme: road, code: A",
                "theme: road, code: 9",
                r"themes, entry 2 \(road\): no target has the code 9",
            ),
            ("theme: road", "theme: water", "'water' has an entry already"),
            ("fit: loose", "fit: good", "fit is 'good'; expected one of close, part, loose"),
            ("name: own", "name: our own", "'our own' becomes the name of a field"),
            ("code: null", "why: x", "the key 'code' is missing"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        path = tmp_path / "own.yaml"
        path.write_text(OWN.replace(old, new), encoding="utf-8")
        with pytest.raises(TaxonomyError, match=message):
            load_crosswalk(path)

    def test_neither_shipped_nor_a_file(self) -> None:
        with pytest.raises(ConfigError, match="no crosswalk 'nace'; shipped: cap; or name a YAML file"):
            load_crosswalk("nace")
