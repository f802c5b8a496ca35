from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policylens.infer.cli import app

OLD = "name: own\nversion: '1'\nthemes:\n  - {id: water, name_zh: 水利}\n  - {id: road, name_zh: 公路}\n"
NEW = "name: own\nversion: '2'\nthemes:\n  - {id: hydro, name_zh: 水利}\n  - {id: way, name_zh: 道路}\n"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (
        ("old.yaml", OLD),
        ("new.yaml", NEW),
        ("map.yaml", "themes:\n  - {from: water, to: hydro}\n"),
        ("a.jsonl", '{"text": "修水库", "theme": "water"}\n{"text": "修路", "theme": "公路"}\n'),
        ("b.jsonl", '{"text": "修堤防", "theme": "水利"}\n'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


class TestShow:
    def test_a_file_needs_no_command(self, folder: Path) -> None:
        assert run("taxonomy", folder / "old.yaml") == run("taxonomy", "show", folder / "old.yaml")
        assert run("taxonomy", folder / "old.yaml")[1].startswith("water\t水利\twater\t\n")

    def test_options_need_no_command(self, folder: Path) -> None:
        found = json.loads(run("taxonomy", "--format", "json", folder / "old.yaml")[1])
        assert [theme["id"] for theme in found["themes"]] == ["water", "road"]

    def test_help_lists_the_commands(self) -> None:
        code, out, _ = run("taxonomy", "--help")
        assert code == 0
        assert all(f"\n  {name}" in out for name in ("show", "diff", "migrate"))


class TestDiff:
    def test_text_json_and_the_map_it_begins(self, folder: Path) -> None:
        map_file = folder / "begun.yaml"
        code, out, _ = run(
            "taxonomy", "diff", folder / "old.yaml", folder / "new.yaml", "--write-map", map_file
        )
        assert code == 0
        assert out.splitlines() == [
            "own 1 -> own 2",
            "~ theme water -> hydro? (likeness 1.00)",
            "- theme road",
            "+ theme way",
        ]
        assert "to: hydro" in map_file.read_text(encoding="utf-8")
        code, _, err = run(
            "taxonomy", "diff", folder / "old.yaml", folder / "new.yaml", "--write-map", map_file
        )
        assert code == 2
        assert "is there already" in err
        _, out, _ = run("taxonomy", "diff", folder / "old.yaml", folder / "new.yaml", "--format", "json")
        assert json.loads(out)["themes"]["removed"] == ["water", "road"]


class TestMigrate:
    def test_several_files_to_a_folder(self, folder: Path) -> None:
        code, out, err = run(
            *("taxonomy", "migrate", "--map", folder / "map.yaml", "--from", folder / "old.yaml"),
            *("--to", folder / "new.yaml", folder / "a.jsonl", folder / "b.jsonl", "-o", folder / "new"),
            *("--unmapped", folder / "by-hand.jsonl"),
        )
        assert code == 1
        assert out == ""
        assert (folder / "new" / "a.jsonl").read_text(encoding="utf-8") == (
            '{"text": "修水库", "theme": "hydro"}\n'
        )
        assert json.loads((folder / "new" / "b.jsonl").read_text(encoding="utf-8"))["theme"] == "hydro"
        assert "a.jsonl: 1 rows written, 1 set aside" in err
        assert "  line 2: theme 'road': neither the map nor own 2 has it" in err
        [item] = [json.loads(line) for line in (folder / "by-hand.jsonl").open(encoding="utf-8")]
        assert (item["line"], item["row"]["theme"]) == (2, "公路")

    def test_one_file_to_standard_output(self, folder: Path) -> None:
        code, out, _ = run("taxonomy", "migrate", "--map", folder / "map.yaml", folder / "a.jsonl")
        assert code == 0
        assert [json.loads(line)["theme"] for line in out.splitlines()] == ["hydro", "公路"]

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["a.jsonl", "b.jsonl"], "name a folder with -o"),
            (["a.jsonl", "-o", "a.jsonl"], "would be overwritten by its own migration"),
            (["a.jsonl", "-o", "a.csv"], "another suffix"),
            (["a.jsonl", "b.jsonl", "-o", "b.jsonl"], "several files go to a folder"),
        ],
    )
    def test_outputs_that_cannot_be(self, folder: Path, arguments: list[str], says: str) -> None:
        paths = [argument if argument == "-o" else str(folder / argument) for argument in arguments]
        before = (folder / "a.jsonl").read_text(encoding="utf-8")
        code, _, err = run("taxonomy", "migrate", "--map", folder / "map.yaml", *paths)
        assert code == 2
        assert says in err
        assert (folder / "a.jsonl").read_text(encoding="utf-8") == before
