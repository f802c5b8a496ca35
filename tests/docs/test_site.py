"""The site builds without a warning and needs no network; links lead somewhere; translations say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "NOTICE.md")
    ),
    ROOT / "models/pretrained/policy-zh/README.md",
    ROOT / "data/labeled/DATACARD.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?\)")
_FENCED = re.compile(r"^```.*?^```$", re.S | re.M)
_MAX_PICTURE_BYTES = 300_000
_MIN_PICTURE_WIDTH = 1200


def _anchors(text: str) -> set[str]:
    """Ids of the headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, anchor in _LINK.findall(_FENCED.sub("", text)):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file.read_text(encoding="utf-8")), (target, anchor)


def _tables(page: Path) -> list[list[str]]:
    """The numbers of each table row that has some."""
    rows = re.findall(r"^\|.*\|$", page.read_text(encoding="utf-8"), re.M)
    numbers = (re.findall(r"\d+\.\d+", row) for row in rows)
    return [row for row in numbers if row]


def test_scores_of_the_chinese_readme_are_those_of_the_english_one() -> None:
    chinese, english = _tables(ROOT / "README.zh-CN.md"), _tables(ROOT / "README.md")
    assert chinese
    assert [row for row in chinese if row not in english] == []


def test_picture_is_small_and_shows_a_desktop_page() -> None:
    image = pytest.importorskip("PIL.Image")
    path = ROOT / "docs/images/digest.png"
    assert path.stat().st_size <= _MAX_PICTURE_BYTES
    with image.open(path) as picture:
        assert picture.width >= _MIN_PICTURE_WIDTH


@pytest.mark.slow
def test_site_builds_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(list((ROOT / "docs").rglob("*.md")))
    loads = re.compile(
        r"<(?:script|img|iframe|source)[^>]+src=\"?https?:|<link[^>]+rel=\"?(?:stylesheet|preconnect)\"?[^>]+https?:"
    )
    for page in pages:
        found = loads.search(page.read_text(encoding="utf-8"))
        assert found is None, (page.name, found[0])
