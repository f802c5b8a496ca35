"""What `mkdocs build` does besides: pages from outside of docs/, links, and sources for the Python page.

The repository's own files (model card, changelog, ...) become pages where they are, without a copy in docs/.
Links between all pages are those that work in the repository; here they are turned into links of the site.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Page of the site -> file of the repository.
OUTSIDE = {
    "model-card.md": "models/pretrained/policy-zh/README.md",
    "data-card.md": "data/labeled/DATACARD.md",
    "codebook.md": "data/labeled/CODEBOOK.md",
    "experiments.md": "train/EXPERIMENTS.md",
    "notices.md": "NOTICE.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "zh/index.md": "README.zh-CN.md",
}
_PAGE_OF = {path: page for page, path in OUTSIDE.items()}
# Where a page of the site says what the README says, the link goes there.
_PAGE_OF["README.md"] = "index.md"
_RAW = "files"  # other files that pages link to, as they are
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_COPIES = ROOT / "build/packages"
_PACKAGES = ("data", "models", "train", "infer")


def on_startup(*, command: str, dirty: bool) -> None:
    """Lay out the sources as the installed package has them: `policylens.data` is the folder data/.

    Copies, since the reader of the docstrings follows neither links nor the finder of an editable install.
    """
    on_shutdown()
    for name in _PACKAGES:
        for source in (ROOT / name).rglob("*.py"):
            copy = _COPIES / "policylens" / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def on_shutdown() -> None:
    """Remove the copies."""
    shutil.rmtree(_COPIES, ignore_errors=True)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside and what all pages link to."""
    for page, path in OUTSIDE.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    raw = set()
    for file in files.documentation_pages():
        for match in _LINK.finditer(file.content_string):
            target = _target(file.src_uri, match[1])
            if target in _PAGE_OF or target.startswith("docs/") or not (ROOT / target).is_file():
                continue
            raw.add(target)
    for path in sorted(raw):
        files.append(File.generated(config, f"{_RAW}/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into links of the site; a missing target stays, and the build fails."""

    def link(match: re.Match[str]) -> str:
        target = _target(page.file.src_uri, match[1])
        if target in _PAGE_OF:
            found = _PAGE_OF[target]
        elif target.startswith("docs/"):
            found = target.removeprefix("docs/")
        else:
            found = f"{_RAW}/{target}"
        start = str(PurePosixPath(page.file.src_uri).parent)
        return os.path.relpath(found, start) + (match[2] or "")

    return _LINK.sub(link, markdown)


def _target(page: str, link: str) -> str:
    """Path of the linked file in the repository."""
    home = OUTSIDE.get(page, f"docs/{page}")
    return os.path.normpath(PurePosixPath(home).parent / link)
