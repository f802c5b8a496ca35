"""Word files, put together part by part: what Word writes, and what it never would."""

import io
import zipfile
from collections.abc import Mapping

from tests.zoo.case import SECOND, SENTENCE, Case, joined

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
NOTES_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"


def par(text: str, *, inside: str = "") -> str:
    return f"<w:p>{inside}<w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(content: str) -> str:
    return f"<w:tc>{content}</w:tc>"


def grid(*rows: str) -> str:
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"


def document(body: str, *, prolog: str = "") -> str:
    return f'{prolog}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'


def package(
    main: str,
    parts: Mapping[str, str | bytes] | None = None,
    *,
    kind: str = MAIN_TYPE,
    notes: str = "",
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """The bytes of a .docx file with this main part."""
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="bin" ContentType="x/y"/>'
        f'<Override PartName="/word/document.xml" ContentType="{kind}"/>'
        f'<Override PartName="/word/footnotes.xml" ContentType="{NOTES_TYPE}"/></Types>'
    )
    files: dict[str, str | bytes] = {
        "[Content_Types].xml": types,
        "_rels/.rels": relations("officeDocument", "word/document.xml"),
        "word/document.xml": main,
    }
    if notes:
        files["word/footnotes.xml"] = f'<w:footnotes xmlns:w="{W}">{notes}</w:footnotes>'
        files["word/_rels/document.xml.rels"] = relations("footnotes", "footnotes.xml")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as out:
        for name, content in {**files, **(parts or {})}.items():
            out.writestr(name, content)
    return stream.getvalue()


def relations(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{RELATIONS}">'
        f'<Relationship Id="r1" Type="{OFFICE}/{kind}" Target="{target}"/></Relationships>'
    )


def docx(name: str, body: str, *texts: str, error: str = "", **options: str) -> Case:
    text = joined(*texts) if texts else None
    return Case(f"doc_{name}.docx", lambda: package(document(body), **options), text=text, error=error)


def entities(declaration: str) -> bytes:
    prolog = f"<!DOCTYPE w:document [{declaration}]>"
    return package(document(par(f"{SENTENCE}&x;"), prolog=prolog))


def encrypted_parts() -> bytes:
    data = bytearray(package(document(par(SENTENCE))))
    for at in range(len(data) - 10):
        if data[at : at + 4] == b"PK\x01\x02":
            data[at + 8] |= 1
    return bytes(data)


def huge_picture() -> bytes:
    """A file whose table of contents says that a picture unpacks to 600 MB."""
    data = bytearray(package(document(par(SENTENCE)), {"word/media/1.bin": bytes(1_000)}))
    entry = data.rfind(b"PK\x01\x02", 0, data.rfind(b"word/media/1.bin"))
    data[entry + 24 : entry + 28] = (600_000_000).to_bytes(4, "little")
    return bytes(data)


def text_boxes(depth: int) -> str:
    opening = "<w:p><w:r><w:pict><w:txbxContent>" * depth
    return opening + par(SENTENCE) + "</w:txbxContent></w:pict></w:r></w:p>" * depth


NESTED = grid(cell(par("外")) + cell(grid(cell(par("内甲")) + cell(par("内乙"))) + par("格")))
TRACKED = (
    f"<w:p><w:r><w:t>{SENTENCE}</w:t></w:r><w:del><w:r><w:delText>删去</w:delText></w:r></w:del>"
    "<w:ins><w:r><w:t>新增。</w:t></w:r></w:ins><w:moveFrom><w:r><w:t>移走</w:t></w:r></w:moveFrom></w:p>"
)
NOTES = (
    f'<w:footnote w:type="separator" w:id="0">{par("线")}</w:footnote>'
    f'<w:footnote w:id="1">{par(SECOND)}</w:footnote>'
)
LAUGHS = '<!ENTITY a "哈哈哈哈哈哈哈哈"><!ENTITY x "&a;&a;&a;&a;&a;&a;&a;&a;">'

CASES = (
    docx("tables", par(SENTENCE) + grid(cell(par("甲")) + cell(par("乙"))), SENTENCE, "甲 | 乙"),
    docx("nested_tables", NESTED, "外 | 格", "内甲 | 内乙"),
    docx("tables_in_80_tables", grid(cell(par("甲")) + cell("")) * 80, *["甲 | "] * 80),
    docx(
        "nested_60_deep", "<w:tbl><w:tr><w:tc>" * 60 + par(SENTENCE) + "</w:tc></w:tr></w:tbl>" * 60, SENTENCE
    ),
    docx(
        "nested_300_deep",
        "<w:tbl><w:tr><w:tc>" * 300 + par("甲") + "</w:tc></w:tr></w:tbl>" * 300,
        error="is not a readable .docx file (Excessive depth",
    ),
    docx("footnotes", par(SENTENCE), SENTENCE, SECOND, notes=NOTES),
    docx("tracked_changes", TRACKED, f"{SENTENCE}新增。"),
    docx(
        "hidden_text",
        f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>隐</w:t></w:r><w:r><w:t>{SENTENCE}</w:t></w:r></w:p>",
        SENTENCE,
    ),
    docx("text_boxes_50_deep", text_boxes(50), SENTENCE),
    docx(
        "odd_outline_levels",
        *(
            "".join(
                par(SENTENCE, inside=f'<w:pPr><w:outlineLvl w:val="{level}"/></w:pPr>')
                for level in ("²", "9" * 5_000, "-1", "", "x")
            ),
            *[SENTENCE] * 5,
        ),
    ),
    docx("no_text", "<w:p/>", error="holds no text"),
    docx("comment_in_text", f"<w:p><w:r><w:t>{SENTENCE}<!-- 注 --></w:t></w:r><?x y?></w:p>", SENTENCE),
    docx(
        "with_macros",
        par(SENTENCE),
        error="is a Word file with macros; save it as .docx",
        kind="application/vnd.ms-word.document.macroEnabled.main+xml",
    ),
    docx(
        "template",
        par(SENTENCE),
        error="is a template; save it as .docx",
        kind=MAIN_TYPE.replace("document.main", "template.main"),
    ),
    docx(
        "excel",
        par(SENTENCE),
        error="is an Excel file",
        kind="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    ),
    Case(
        "doc_macro_part.docx",
        lambda: package(document(par(SENTENCE)), {"word/vbaProject.bin": b"\xd0\xcf"}),
        text=SENTENCE,
    ),
    Case(
        "doc_strict.docx",
        lambda: package(
            document(par(SENTENCE)),
            {
                "_rels/.rels": relations("officeDocument", "word/document.xml").replace(
                    "schemas.openxmlformats.org/officeDocument/2006", "purl.oclc.org/ooxml/officeDocument"
                )
            },
        ),
        error="is a Strict Open XML document",
    ),
    Case(
        "doc_zip_bomb.docx",
        lambda: package(document(par(SENTENCE + " " * 40_000_000))),
        error="bytes of XML, the limit is 32",
    ),
    Case("doc_picture_bomb.docx", huge_picture, error="unpacks to 600,00"),
    Case(
        "doc_other_compression.docx",
        lambda: package(document(par(SENTENCE)), method=zipfile.ZIP_LZMA),
        error="compressed in a way that such files are not",
    ),
    Case(
        "doc_external_entity.docx",
        lambda: entities('<!ENTITY x SYSTEM "file:///etc/passwd">'),
        error="declares entities",
    ),
    Case("doc_many_laughs.docx", lambda: entities(LAUGHS), error="declares entities"),
    Case("doc_encrypted_parts.docx", encrypted_parts, error="is encrypted; save it without a password"),
    Case(
        "doc_old_word.docx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        error="is encrypted or an old .doc file",
    ),
    Case("doc_other_zip.docx", lambda: package("")[:30], error="is not a readable .docx file"),
    Case(
        "doc_cut.docx", lambda: package(document(par(SENTENCE)))[:-200], error="is not a readable .docx file"
    ),
    Case(
        "doc_broken_xml.docx",
        lambda: package(document(par(SENTENCE))[:-20]),
        error="is not a readable .docx file",
    ),
    Case("doc_not_zip.docx", SENTENCE.encode(), error="is not a readable .docx file"),
    Case("doc_empty.docx", b"", error="is empty"),
)
