"""Makes docs/images/digest.png: the HTML page of the sample as a desktop browser shows it.

    python scripts/page_picture.py [OUT.png]

Needs the packages playwright and pillow, and a Chromium on the path (or the one that playwright installed).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from policylens.infer.pipeline import render, summarize_inputs
from policylens.infer.streams.formats import ReportFormat

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data/samples/binhe_industry_conference.txt"
_SIZE = {"width": 1280, "height": 860}
# A page has few colours: a palette of the most different ones looks the same and is a third of the size. (The
# default of quantize, median cut, gives two stances one colour.)
_COLOURS = 256
_SETTLED_MS = 600
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


def draw(page: Path, picture: Path) -> None:
    """Open the page, show a cited paragraph and take the picture."""
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as browsers:
        browser = browsers.chromium.launch_persistent_context(
            profile,
            executable_path=shutil.which("chromium"),
            args=_FLAGS,
            viewport=_SIZE,
            locale="zh-CN",
            offline=True,
            color_scheme="light",
        )
        tab = browser.new_page()
        tab.goto(page.as_uri())
        # A sentence of the first theme with its paragraph opened beside it.
        tab.locator(".s a.cite").nth(1).click()
        tab.wait_for_timeout(_SETTLED_MS)
        tab.screenshot(path=str(picture))
        browser.close()


def shrink(picture: Path) -> None:
    """Store the picture with a palette."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(
            _COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    small.save(picture, optimize=True)


def main() -> None:
    """Digest the sample and draw its page."""
    picture = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/images/digest.png"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "digest.html"
        page.write_bytes(render(summarize_inputs([str(SAMPLE)]), ReportFormat.HTML))
        draw(page, picture)
    shrink(picture)


if __name__ == "__main__":
    main()
