"""Feed the readers of inputs mutated files for a bounded time and keep what breaks them.

    python scripts/fuzz_readers.py --seconds 600 --out finds/

Guided by coverage with atheris (`pip install atheris`); without it files are mutated blindly. Each format
runs in a process of its own, so that a crash of a native library ends one format only. A reader may refuse a
file with an InputError or, for labelled rows, a LabelError; all else, a hang or a lost process is a find:
its bytes go to OUT, its traceback to standard output, and the exit code is 1. Seeds are made here, nothing is
downloaded. The formats `docx-xml` and `xlsx-xml` mutate the XML inside of a zip file that is whole.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

# Only our own code is watched: to instrument that of all libraries takes minutes.
with atheris.instrument_imports(include=["policylens"]) if atheris else nullcontext():
    from policylens.data.errors import InputError, LabelError
    from policylens.data.label_formats.label_files import LabelFormat, label_bytes, read_label_rows
    from policylens.data.read import read_document, read_records
    from policylens.data.records import Document, Paragraph
    from policylens.data.reflow import reflow
    from policylens.infer.streams.formats import TableFormat
    from policylens.infer.streams.output import rows_bytes
    from policylens.infer.streams.rows import paragraph_row

# Longest time for one small file; the readers need milliseconds.
HANG_S = 20
MAX_BYTES = 20_000
TEXT = "一、总体要求\n　　加快建设绿色工厂，降低能耗。\n支持农民种植粮食，增长18.6%。\n"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_MARKS = (b"<", b">", b'"', b"\\", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"[", b"\n", b"\r", b",", b"%")


def text_seeds() -> list[bytes]:
    """Plain texts in the encodings that are known."""
    return [TEXT.encode(encoding) for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "gb18030")]


def html_seeds() -> list[bytes]:
    """A page with a table, a script, entities and declared encodings."""
    page = (
        '<!DOCTYPE html><html><head><meta charset="{}"><title>通知</title><script>x()</script></head><body>'
        "<h1>通知</h1><div><p>加快建设绿色工厂。&nbsp;&#20013;<br>支持农民。</p></div><table><tr><td>1</td>"
        "<td>2</td></tr></table><ul><li>一<li>二</ul><!-- c --></body></html>"
    )
    return [page.format(encoding).encode(encoding) for encoding in ("utf-8", "gb18030")]


def docx_xml_seeds() -> list[bytes]:
    """The body of a Word file as XML; `as_docx` packs it."""
    paragraph = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>加快建设绿色工厂。</w:t></w:r></w:p>'
    )
    changed = '<w:p><w:ins w:id="1"><w:r><w:t>新</w:t><w:tab/><w:br/></w:r></w:ins><w:del w:id="2"/></w:p>'
    table = f"<w:tbl><w:tr><w:tc>{paragraph}</w:tc></w:tr></w:tbl>"
    return [f"<w:document {_W}><w:body>{paragraph}{table}{changed}</w:body></w:document>".encode()]


@cache
def empty_docx() -> bytes:
    """A Word file without text."""
    import docx

    stream = io.BytesIO()
    docx.Document().save(stream)
    return stream.getvalue()


def as_docx(document_xml: bytes) -> bytes:
    """A Word file with this XML as its body."""
    return with_part(empty_docx(), "word/document.xml", document_xml)


def with_part(package: bytes, part: str, content: bytes) -> bytes:
    """The zip file with another content of one part; the others are as they were."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(packed, "w") as target:
        for item in source.infolist():
            target.writestr(item.filename, content if item.filename == part else source.read(item))
    return packed.getvalue()


@cache
def empty_xlsx() -> bytes:
    """A sheet of labelled rows as `labels export` writes it."""
    return label_bytes([{"text": "加快建设绿色工厂。", "theme": "green", "para": 1}], LabelFormat.XLSX)


def xlsx_xml_seeds() -> list[bytes]:
    """Sheets as XML with cells of all kinds; `as_xlsx` packs them."""
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    row = "".join(
        f'<c r="{place}" t="inlineStr"><is><t>{name}</t></is></c>'
        for place, name in (("A1", "text"), ("B1", "n"))
    )
    cells = (
        '<c r="A2" t="inlineStr"><is><r><t>加快_x000D_</t></r></is></c><c r="B2" s="1"><v>45000.5</v></c>',
        '<c r="A3" t="str"><f>1+1</f><v>二</v></c><c r="B3" t="b"><v>1</v></c>',
        '<c r="A4"><v>7</v></c><c r="B4" t="d"><v>2025-01-01</v></c><c><v>1e300</v></c>',
        '<c r="D5" t="e"><v>#N/A</v></c>',
    )
    rows = "".join(f'<row r="{number}">{cell}</row>' for number, cell in enumerate((row, *cells), start=1))
    return [f'{head}<dimension ref="A1:D4"/><sheetData>{rows}</sheetData></worksheet>'.encode()]


def as_xlsx(sheet_xml: bytes) -> bytes:
    """A workbook with this XML as its first sheet."""
    return with_part(empty_xlsx(), "xl/worksheets/sheet1.xml", sheet_xml)


def pdf_seeds() -> list[bytes]:
    """A page of text, with a font that every reader has."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length 60>>stream\nBT /F1 12 Tf 20 200 Td (Growth of 18.6 percent.) Tj ET\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 6\n0000000000 65535 f \n"
    return [body + head + table + b"trailer<</Root 1 0 R/Size 6>>\nstartxref\n%d\n%%%%EOF" % len(body)]


def record_seeds() -> list[bytes]:
    """Records with the fields that have a meaning, and others."""
    row = {"text": TEXT, "title": "通知", "doc": "a", "para": 3, "id": "x", "kind": "body", "start": 0}
    more = {"text": "支持农民。", "theme": ["a", {"b": None}], "score": 1.5e3, "prev": "\u2028", "end": 9}
    return ["\n".join(json.dumps(item, ensure_ascii=ascii) for item in (row, more)).encode()
            for ascii in (True, False)]  # fmt: skip


def csv_seeds() -> list[bytes]:
    """A table with quotes and line ends inside cells."""
    table = 'text,title,doc,para\r\n"加快，建设\n""绿色""工厂。",通知,a,1\r\n支持农民。,=1+1,b,2\r\n'
    return [table.encode(encoding) for encoding in ("utf-8", "utf-8-sig", "gb18030")]


def json_seeds() -> list[bytes]:
    """An array of records."""
    return [b"[" + seed.replace(b"\n", b",") + b"]" for seed in record_seeds()]


def read_as_document(suffix: str) -> Callable[[bytes], None]:
    """Reads a document as `policylens reflow` does."""

    def run(data: bytes) -> None:
        document = read_document(f"x{suffix}", data=data)
        paragraphs = reflow(document)
        check_offsets(document, paragraphs)
        rows_bytes(map(paragraph_row, paragraphs), TableFormat.JSONL)

    return run


def read_as_records(suffix: str) -> Callable[[bytes], None]:
    """Reads records and writes them again."""

    def run(data: bytes) -> None:
        found = read_records(f"x{suffix}", stream=io.BytesIO(data))
        rows = [paragraph_row(item) for item in found if isinstance(item, Paragraph)]
        for form in (TableFormat.JSONL, TableFormat.CSV):
            rows_bytes(rows, form)

    return run


def read_as_labels(data: bytes) -> None:
    """Reads a sheet of labelled rows as `policylens labels import` does."""
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as stream:
        stream.write(data)
        stream.flush()
        read_label_rows(Path(stream.name), any_labels=True, keep_unlabelled=True)


def check_offsets(document: Document, paragraphs: tuple[Paragraph, ...]) -> None:
    """Raises where offsets do not select the text of a paragraph."""
    for paragraph in paragraphs:
        selected = "".join(document.text[start:end] for start, end in paragraph.spans)
        if "".join(selected.split()) != "".join(paragraph.text.split()):
            raise AssertionError(f"the offsets select {selected!r}, the text is {paragraph.text!r}")


TARGETS: dict[str, tuple[Callable[[], list[bytes]], Callable[[bytes], None]]] = {
    "txt": (text_seeds, read_as_document(".txt")),
    "html": (html_seeds, read_as_document(".html")),
    "docx": (lambda: [as_docx(seed) for seed in docx_xml_seeds()], read_as_document(".docx")),
    "docx-xml": (docx_xml_seeds, lambda data: read_as_document(".docx")(as_docx(data))),
    "pdf": (pdf_seeds, read_as_document(".pdf")),
    "jsonl": (record_seeds, read_as_records(".jsonl")),
    "csv": (csv_seeds, read_as_records(".csv")),
    "xlsx": (lambda: [empty_xlsx(), *map(as_xlsx, xlsx_xml_seeds())], read_as_labels),
    "xlsx-xml": (xlsx_xml_seeds, lambda data: read_as_labels(as_xlsx(data))),
    "json": (json_seeds, read_as_records(".json")),
}


class Finds:
    """Keeps one file for each place in the code that breaks.

    Args:
        folder: Where the files go.
        name: The format.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.places: set[str] = set()
        self.runs = 0

    def attempt(self, run: Callable[[bytes], None], data: bytes) -> None:
        """Reads one file; what is neither read nor refused is kept."""
        self.runs += 1
        began = time.monotonic()
        try:
            run(data)
        except (InputError, LabelError):
            pass
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            place = f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}"
            self.keep(place, data, traceback.format_exc())
        if (took := time.monotonic() - began) > HANG_S:
            self.keep(f"takes {took:.0f} s", data, "")

    def keep(self, place: str, data: bytes, why: str) -> None:
        """Keeps the first file for a place."""
        if place in self.places:
            return
        self.places.add(place)
        path = self.folder / f"{self.name}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        sys.stdout.write(f"{path}: {place}\n{why}\n")
        sys.stdout.flush()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a few changes: flipped, cut, doubled, moved or with marks put in."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(len(changed) + 1)
        end = min(len(changed), at + chance.choice([1, 2, 8, 64]))
        match chance.randrange(5):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                del changed[at:end]
            case 2:
                changed[at:at] = changed[at:end] * chance.choice([1, 2, 50])
            case 3:
                changed[at:at] = chance.choice(_MARKS) * chance.choice([1, 1, 3, 200])
            case _:
                changed[at:end] = chance.randbytes(end - at)
    return bytes(changed[:MAX_BYTES])


def fuzz_blindly(name: str, seconds: float, finds: Finds) -> None:
    """Mutates the seeds, and what came of them, without looking at the code."""
    seeds, run = TARGETS[name]
    chance = random.Random(name)
    pool = seeds()
    end = time.monotonic() + seconds
    for seed in pool:
        finds.attempt(run, seed)
    while time.monotonic() < end:
        data = mutated(chance.choice(pool), chance)
        finds.attempt(run, data)
        if len(pool) < 500 and chance.random() < 0.05:
            pool.append(data)


def fuzz_with_atheris(name: str, seconds: float, finds: Finds, work: Path) -> None:
    """Mutates the seeds and keeps what reaches new code; ends the process."""
    seeds, run = TARGETS[name]
    corpus = work / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:12]).write_bytes(seed)
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={int(seconds)}",
        f"-timeout={HANG_S}",
        f"-artifact_prefix={finds.folder}/{name}-",
        f"-max_len={MAX_BYTES}",
        "-rss_limit_mb=4096",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup(arguments, lambda data: finds.attempt(run, data))
    atheris.Fuzz()


def fuzz_one(name: str, seconds: float, out: Path) -> int:
    """Fuzzes one format in this process; gives the exit code."""
    finds = Finds(out, name)
    if atheris is None:
        fuzz_blindly(name, seconds, finds)
        sys.stdout.write(f"{name}: {finds.runs:,} files, {len(finds.places)} finds, without coverage\n")
        return bool(finds.places)
    fuzz_with_atheris(name, seconds, finds, out)
    return bool(finds.places)


def main() -> int:
    """Runs each format in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="for all formats together")
    parser.add_argument("--out", type=Path, default=Path("finds"), help="folder for what breaks a reader")
    parser.add_argument("--format", action="append", choices=TARGETS, help="only this one; may be repeated")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.one:
        return fuzz_one(given.one, given.seconds, given.out)
    names = given.format or list(TARGETS)
    for name in names:
        command = [sys.executable, __file__, "--one", name, "--seconds", str(given.seconds / len(names))]
        code = subprocess.run([*command, "--out", str(given.out)]).returncode
        sys.stdout.write(f"{name}: exit code {code}\n")
    finds = sorted(path for path in given.out.iterdir() if path.is_file())
    sys.stdout.write(f"{len(finds)} finds\n" + "".join(f"{path}\n" for path in finds))
    return bool(finds)


if __name__ == "__main__":
    sys.exit(main())
