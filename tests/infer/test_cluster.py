from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from policylens.data.errors import ConfigError, InputError
from policylens.data.labels import LabelledParagraph
from policylens.infer import cluster, shards
from policylens.infer.classify import Classifier
from policylens.infer.cluster import ClusterOptions, classify_on_ray
from policylens.infer.engine_cli import Spread, check_local, cluster_options
from policylens.infer.pipeline import classify_to
from policylens.infer.shards import Work, list_shards, tag_shard
from policylens.infer.streams.formats import TableFormat

Rows = Callable[[int], list[LabelledParagraph]]

TEXTS = ("推进绿色工厂建设。", "银行增加贷款投放。", "严禁违规排放。")


def write_jsonl(path: Path, texts: tuple[str, ...], **fields: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"text": text, **fields}, ensure_ascii=False) for text in texts]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def shard(path: Path, number: int = 0, doc: str = "") -> dict[str, object]:
    return {"number": number, "path": str(path), "doc": doc or path.stem}


def test_a_shard_has_the_rows_of_the_local_engine(tmp_path: Path, keyword_classifier: Any) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", TEXTS, year=2024)
    (tmp_path / "out").mkdir()
    stats = tag_shard(shard(source, 3), tmp_path / "out", Work(), keyword_classifier)
    classify_to(
        tmp_path / "local.parquet", [str(source)], lambda: keyword_classifier, form=TableFormat.PARQUET
    )
    assert stats == {"paragraphs": 3, "read": 3, "failures": 0}
    found = pq.read_table(tmp_path / "out" / "000003.parquet")
    assert found.equals(pq.read_table(tmp_path / "local.parquet"))
    assert found["theme"].to_pylist() == ["green", "finance", "safety"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".000003.done", "000003.parquet"]


def test_parquet_rows_are_read_like_the_same_records_in_jsonl(
    tmp_path: Path, keyword_classifier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_SLICE_ROWS", 2)
    rows = [{"text": text, "title": "通知", "page": at, "id": None} for at, text in enumerate(TEXTS)]
    pq.write_table(pa.Table.from_pylist([*rows, {"text": "", "page": 9}]), tmp_path / "t.parquet")
    (tmp_path / "out").mkdir()
    stats = tag_shard(shard(tmp_path / "t.parquet"), tmp_path / "out", Work(), keyword_classifier)
    assert stats == {"paragraphs": 3, "read": 3, "failures": 1}
    found = pq.read_table(tmp_path / "out" / "000000.parquet").to_pylist()
    assert [(row["para"], row["doc"], row["title"]) for row in found] == [(n, "t", "通知") for n in (1, 2, 3)]
    assert [json.loads(row["extra"]) for row in found] == [{"page": 0}, {"page": 1}, {"page": 2}]
    (error,) = (tmp_path / "out" / "000000.errors.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(error)["message"].endswith("t.parquet, row 4: 'text' is empty")


def test_files_of_one_name_are_two_documents(tmp_path: Path, keyword_classifier: Any) -> None:
    for year in ("2023", "2024"):
        write_jsonl(tmp_path / year / "report.jsonl", TEXTS[:1])
    found = list(list_shards([str(tmp_path)]))
    assert [item["doc"] for item in found] == ["report", "2024/report"]
    (tmp_path / "out").mkdir()
    tag_shard(found[1], tmp_path / "out", Work(), keyword_classifier)
    assert pq.read_table(tmp_path / "out" / "000001.parquet")["doc"].to_pylist() == ["2024/report"]


def test_inputs_of_a_cluster_are_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="reads files that all machines see, not -"):
        list(list_shards(["-"]))
    with pytest.raises(InputError, match="does not exist"):
        list(list_shards([str(tmp_path / "none.jsonl")]))


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    found = list(list_shards([str(write_jsonl(tmp_path / "a.jsonl", TEXTS))]))
    out = tmp_path / "out"
    cluster._begin(out, found, Work(), gpus=0.0, resume=False)
    cluster._begin(out, found, Work(), gpus=0.0, resume=True)
    with pytest.raises(ConfigError, match="holds this run already; give --resume"):
        cluster._begin(out, found, Work(), gpus=0.0, resume=False)
    with pytest.raises(ConfigError, match="option all_kinds was False, is True"):
        cluster._begin(out, found, Work(all_kinds=True), gpus=0.0, resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").touch()
    with pytest.raises(ConfigError, match="is not an empty folder"):
        cluster._begin(tmp_path / "other", found, Work(), gpus=0.0, resume=False)


def test_gpus_follow_the_device() -> None:
    assert cluster_options(Spread(), on_gpu=True) == ClusterOptions(gpus=1.0)
    assert cluster_options(Spread(), on_gpu=False) == ClusterOptions(cpus=2.0)
    with pytest.raises(ConfigError, match="does not fit the device"):
        cluster_options(Spread(gpus_per_actor=1.0), on_gpu=False)
    with pytest.raises(ConfigError, match="more than 0 CPUs"):
        ClusterOptions(cpus=0)


def test_options_of_the_cluster_are_refused_elsewhere() -> None:
    check_local(Spread())
    with pytest.raises(ConfigError, match=r"--ray-address, --actors is for --engine ray only"):
        check_local(Spread(ray_address="auto", actors=2))


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_of_two_gives_what_one_machine_gives(
    tiny_model: Path, tiny_rows: Rows, tmp_path: Path
) -> None:
    pytest.importorskip("ray.data")
    texts = tuple(row.paragraph.text for row in tiny_rows(48))
    data = tmp_path / "data"
    for number in range(4):
        write_jsonl(data / f"{number}.jsonl", texts[number * 12 : number * 12 + 12], title="行动方案")
    out, options = tmp_path / "out", ClusterOptions(actors=2, cpus=1.0)
    done = classify_on_ray(out, [str(data)], Work(str(tiny_model)), options=options)
    assert (done.paragraphs, done.failures, done.shards, done.skipped) == (48, 0, 4, 0)
    local = tmp_path / "local.parquet"
    classify_to(
        local, [str(data)], lambda: Classifier.load(tiny_model, device="cpu"), form=TableFormat.PARQUET
    )
    expected = pq.read_table(local).to_pylist()
    assert pq.read_table(out).to_pylist() == expected

    # A shard that was lost is the only one that is done again.
    (out / ".000002.done").unlink()
    before = (out / "000001.parquet").stat().st_mtime_ns
    again = classify_on_ray(out, [str(data)], Work(str(tiny_model)), options=options, resume=True)
    assert (again.paragraphs, again.skipped) == (48, 3)
    assert (out / "000001.parquet").stat().st_mtime_ns == before
    assert pq.read_table(out).to_pylist() == expected
