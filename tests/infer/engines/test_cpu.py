from pathlib import Path

import pytest

from policylens.infer.engines.cpu import multiplies_int8


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
