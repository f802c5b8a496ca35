import os
from pathlib import Path

import pytest

from policylens.infer.engines.cpu import multiplies_int8, usable_cores


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse2 avx2 fma\n", False),
        ("flags\t\t: avx2 avx512f avx512_vnni\n", True),
        ("flags : avx2 avx_vnni", True),
        ("Features\t: fp asimd asimddp\n", True),
        ("Features\t: fp asimd\n", False),
        ("processor : 0\n", True),
    ],
)
def test_int8_instructions_are_read_from_cpuinfo(text: str, expected: bool, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text, encoding="utf-8")
    assert multiplies_int8(path) is expected


def test_a_system_that_does_not_tell_is_taken_to_have_them(tmp_path: Path) -> None:
    assert multiplies_int8(tmp_path / "missing") is True


def machine(folder: Path, siblings: dict[int, str]) -> Path:
    for cpu, text in siblings.items():
        (folder / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(text + "\n", encoding="ascii")
    return folder


@pytest.mark.parametrize(
    ("allowed", "quota", "expected"),
    [
        ({0, 1, 2, 3}, "max 100000\n", 2),
        ({0, 2}, "max 100000\n", 1),
        ({0, 1}, "max 100000\n", 2),
        ({0, 1, 2, 3}, "100000 100000\n", 1),
        ({0, 1, 2, 3}, "150000 100000\n", 2),
        ({0, 1, 2, 3}, "50000 100000\n", 1),
    ],
)
def test_cores_are_counted_without_hyper_threads_and_within_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: set[int], quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed, raising=False)
    (tmp_path / "cpu.max").write_text(quota, encoding="ascii")
    topology = machine(tmp_path / "cpu", {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})
    assert usable_cores(topology=topology, quota=tmp_path / "cpu.max") == expected


def test_cores_of_a_system_that_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores(topology=tmp_path, quota=tmp_path / "none") == 6
