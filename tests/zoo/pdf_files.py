"""PDF files: what programs write, and objects put together by hand for what they do not."""

import base64
import io
import zlib
from collections.abc import Callable, Sequence

import pypdfium2
from reportlab.lib import pdfencrypt
from reportlab.pdfbase import cidfonts, pdfmetrics
from reportlab.pdfgen import canvas

from tests.zoo.case import SECOND, SENTENCE, Case

EM, LEFT, TOP, LINE = 12, 72, 760, 20
WIDTH = 18
Draw = Callable[[canvas.Canvas], None]


def drawn(*pages: Draw, encrypt: pdfencrypt.StandardEncryption | None = None, title: str = "") -> bytes:
    """A PDF file as reportlab writes it."""
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont("STSong-Light"))
    stream = io.BytesIO()
    pdf = canvas.Canvas(stream, pagesize=(595, 842), encrypt=encrypt)
    pdf.setTitle(title)
    for draw in pages:
        pdf.setFont("STSong-Light", EM)
        draw(pdf)
        pdf.showPage()
    pdf.save()
    return stream.getvalue()


def lines(texts: Sequence[str], *, x: float = LEFT, turned: int = 0) -> Draw:
    def draw(pdf: canvas.Canvas) -> None:
        if turned:
            pdf.setPageRotation(turned)
            pdf.translate(297, 421)
            pdf.rotate(turned)
            pdf.translate(-297, -421)
        for number, text in enumerate(texts):
            pdf.drawString(x, TOP - LINE * number, text)

    return draw


def columns(left: Sequence[str], right: Sequence[str]) -> Draw:
    def draw(pdf: canvas.Canvas) -> None:
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            pdf.drawString(40, TOP - LINE * number, one)
            pdf.drawString(320, TOP - LINE * number, other)

    return draw


def nothing(pdf: canvas.Canvas) -> None:
    pdf.rect(10, 10, 300, 300, fill=1)


def no_pages() -> bytes:
    stream = io.BytesIO()
    pypdfium2.PdfDocument.new().save(stream)
    return stream.getvalue()


def by_hand(
    content: bytes, *, kids: str = "3 0 R", count: int = 1, packed: bool = False, filters: str = ""
) -> bytes:
    """A file of one page object with this content, which may be shown several times.

    Args:
        content: What stands in the stream, with `packed` before it is compressed.
        kids: References to the pages.
        count: Their number, as the file says.
        packed: Whether to compress the content by deflate.
        filters: The filters that the file names.
    """
    body = zlib.compress(content, 1) if packed else content
    filters = filters or ("/FlateDecode" if packed else "")
    packing = f"/Filter {filters} ".encode() if filters else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< " + packing + f"/Length {len(body)} >>\nstream\n".encode() + body + b"\nendstream",
    ]
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content_of in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content_of + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(out)
    out += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}".encode()
    out += f"trailer << /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def lzw(text: bytes, *, n_tables: int = 0) -> bytes:
    """As old programs compress: the text, then spaces, 6.8 MB of them for each table of 5 kB."""
    bits = [f"{256:09b}"]
    for codes in (list(text), *[[32, *range(258, 258 + 3_700)]] * n_tables):
        # A code is as long as the table needs; 256 begins a new table.
        bits += [f"{code:0{(258 + at).bit_length()}b}" for at, code in enumerate([*codes, 256])]
    written = "".join([*bits, f"{257:09b}"])
    return bytes(int(written[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(written), 8))


def pieces(text: str) -> list[str]:
    return [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]


def pdf(name: str, data: bytes | Callable[[], bytes], text: str | None = None, error: str = "") -> Case:
    return Case(f"pdf_{name}.pdf", data, text=text, error=error)


TEXT = pieces(SENTENCE * 3)
OTHER = pieces(SECOND * 4)[: len(TEXT)]
PAGE = b"BT /F1 12 Tf 72 700 Td (Plain text of one page.) Tj ET"

CASES = (
    pdf("lines", lambda: drawn(lines(TEXT)), "\n".join(TEXT)),
    pdf("two_columns", lambda: drawn(columns(TEXT, OTHER)), "\n".join([*TEXT, *OTHER])),
    *(
        pdf(f"rotated_{angle}", lambda angle=angle: drawn(lines(TEXT, turned=angle)), "\n".join(TEXT))
        for angle in (90, 180, 270)
    ),
    pdf(
        "scanned",
        lambda: drawn(nothing, nothing),
        error="has no text layer (scanned pages?); run OCR on it first",
    ),
    pdf("scanned_in_part", lambda: drawn(nothing, lines(TEXT)), "\n".join(TEXT)),
    pdf(
        "only_page_numbers",
        lambda: drawn(lines(["- 1 -"]), lines(["- 2 -"])),
        error="holds no text but page numbers",
    ),
    pdf("zero_pages", no_pages, error="is not a readable PDF file or has no pages"),
    pdf(
        "password",
        lambda: drawn(lines(TEXT), encrypt=pdfencrypt.StandardEncryption("secret")),
        error="is encrypted; save it without",
    ),
    pdf(
        "no_copying",
        lambda: drawn(lines(TEXT), encrypt=pdfencrypt.StandardEncryption("", canCopy=0)),
        "\n".join(TEXT),
    ),
    pdf("broken", b"%PDF-1.7 broken", error="is not a readable PDF file"),
    pdf("cut", lambda: drawn(lines(TEXT))[:400], error="is not a readable PDF file"),
    pdf("not_pdf", SENTENCE.encode(), error="is not a readable PDF file"),
    pdf("text_before", lambda: b"junk\n" * 9 + by_hand(PAGE), "Plain text of one page."),
    pdf("by_hand", lambda: by_hand(PAGE), "Plain text of one page."),
    pdf(
        "no_cross_references",
        lambda: by_hand(PAGE).replace(b"startxref", b"startxxxx"),
        "Plain text of one page.",
    ),
    pdf("says_a_billion_pages", lambda: by_hand(PAGE, count=1_000_000_000), "Plain text of one page."),
    pdf(
        "6000_pages",
        lambda: by_hand(PAGE, kids="3 0 R " * 6_000, count=6_000),
        error="has 6,000 pages, the limit is 5,000",
    ),
    pdf("pages_in_a_circle", lambda: by_hand(PAGE, kids="2 0 R", count=1), error="page"),
    pdf(
        "content_bomb",
        lambda: by_hand(PAGE + b" " * 40_000_000, packed=True),
        error="unpacks to more than 32,000,000 bytes",
    ),
    pdf(
        "content_bomb_written_as_characters",
        lambda: by_hand(
            base64.a85encode(zlib.compress(PAGE + b" " * 40_000_000)) + b"~>",
            filters="[/ASCII85Decode /FlateDecode]",
        ),
        error="unpacks to more than 32,000,000 bytes",
    ),
    pdf(
        "content_bomb_written_as_digits",
        lambda: by_hand(zlib.compress(PAGE + b" " * 40_000_000).hex().encode() + b">", filters="[/AHx/Fl]"),
        error="unpacks to more than 32,000,000 bytes",
    ),
    pdf(
        "content_bomb_in_a_bomb",
        lambda: by_hand(
            zlib.compress(PAGE + b" " * 40_000_000), packed=True, filters="[/FlateDecode /FlateDecode]"
        ),
        error="has content that is compressed more than once",
    ),
    pdf(
        "content_bomb_of_an_old_program",
        lambda: by_hand(lzw(PAGE, n_tables=5), filters="/LZWDecode"),
        error="unpacks to more than 32,000,000 bytes",
    ),
    pdf(
        "old_program",
        lambda: by_hand(lzw(PAGE, n_tables=1), filters="/LZWDecode"),
        "Plain text of one page.",
    ),
    pdf(
        "written_as_characters",
        lambda: by_hand(
            base64.a85encode(zlib.compress(PAGE)) + b"~>", filters="[/ASCII85Decode /FlateDecode]"
        ),
        "Plain text of one page.",
    ),
    pdf(
        "endless_coordinates",
        lambda: by_hand(PAGE + b" BT /F1 12 Tf 1e38 0 0 1e38 1e38 -1e38 Tm (far) Tj ET"),
        "Plain text of one page.",
    ),
    pdf(
        "script",
        lambda: by_hand(PAGE).replace(
            b"/Pages 2 0 R", b"/Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert(1)) >>"
        ),
        "Plain text of one page.",
    ),
    pdf("empty", b"", error="is empty"),
)
