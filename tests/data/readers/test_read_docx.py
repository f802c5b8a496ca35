import io

import pytest

from policylens.data.errors import InputError
from policylens.data.read import read_document

docx = pytest.importorskip("docx")
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def saved(source):
    stream = io.BytesIO()
    source.save(stream)
    return stream.getvalue()


def read(source):
    return read_document("通知.docx", data=saved(source))


def damaged(data):
    """The same zip with bytes changed inside its first compressed file."""
    return data[:80] + b"\xff" * 40 + data[120:]


def units(document):
    return [(block.hint, document.text[block.start : block.end]) for block in document.blocks]


def append(source, xml):
    source.element.body.insert(len(source.element.body) - 1, docx.oxml.parse_xml(xml))


def test_paragraphs_headings_and_tables_in_document_order():
    source = docx.Document()
    source.add_paragraph("关于推进转型的意见", style="Title")
    source.add_paragraph("　　前言。")
    source.add_heading("一、总体要求", level=1)
    source.add_heading("（一）目标", level=2)
    table = source.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("年份", "产值", "2024", "3.5亿元"), strict=True):
        cell.text = text
    source.add_paragraph("")
    source.add_paragraph("图1", style="Caption")
    source.add_paragraph("末段\t完。")
    document = read(source)
    assert units(document) == [
        ("heading", "关于推进转型的意见"),
        ("", "前言。"),
        ("heading", "一、总体要求"),
        ("heading", "（一）目标"),
        ("table", "年份 | 产值"),
        ("table", "2024 | 3.5亿元"),
        ("caption", "图1"),
        ("", "末段\t完。"),
    ]
    assert [block.level for block in document.blocks] == [1, 0, 1, 2, 0, 0, 0, 0]
    assert (document.doc, document.title) == ("通知", "关于推进转型的意见")


@pytest.mark.parametrize("name", ["标题 2", "标题2", "heading 2"])
def test_heading_styles_by_name(name):
    source = docx.Document()
    style = source.styles.add_style("own", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    style.element.find(docx.oxml.ns.qn("w:name")).set(docx.oxml.ns.qn("w:val"), name)
    derived = source.styles.add_style("公文小标题", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    derived.base_style = style
    source.add_paragraph("一、要求").style = derived
    (block,) = read(source).blocks
    assert (block.hint, block.level) == ("heading", 2)


def test_outline_level_makes_a_heading():
    source = docx.Document()
    append(source, f'<w:p {W}><w:pPr><w:outlineLvl w:val="2"/></w:pPr><w:r><w:t>一、要求</w:t></w:r></w:p>')
    (block,) = read(source).blocks
    assert (block.hint, block.level) == ("heading", 3)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<w:r><w:t>保留</w:t></w:r><w:del><w:r><w:delText>删去</w:delText></w:r></w:del>", "保留"),
        ("<w:ins><w:r><w:t>新增</w:t></w:r></w:ins><w:r><w:t>原文</w:t></w:r>", "新增原文"),
        (
            "<w:moveFrom><w:r><w:t>移走</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>移来</w:t></w:r></w:moveTo>",
            "移来",
        ),
        ("<w:hyperlink><w:r><w:t>链接</w:t></w:r></w:hyperlink><w:r><w:t>后</w:t></w:r>", "链接后"),
        ("<w:sdt><w:sdtContent><w:r><w:t>控件</w:t></w:r></w:sdtContent></w:sdt>", "控件"),
        ("<w:r><w:t>甲</w:t><w:br/><w:t>乙</w:t><w:br w:type='page'/><w:noBreakHyphen/></w:r>", "甲\n乙-"),
        ("<w:r><w:rPr><w:vanish/></w:rPr><w:t>隐藏</w:t></w:r><w:r><w:t>可见</w:t></w:r>", "可见"),
        ("<w:r><w:t>注</w:t></w:r><w:r><w:footnoteReference w:id='1'/></w:r>", "注"),
        ("<w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:t>文</w:t></w:r>", "文"),
    ],
)
def test_text_of_a_paragraph(content, expected):
    source = docx.Document()
    append(source, f"<w:p {W}>{content}</w:p>")
    assert read(source).text == expected


def test_deleted_paragraph_mark_joins_two_paragraphs():
    source = docx.Document()
    append(source, f"<w:p {W}><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>上半，</w:t></w:r></w:p>")
    source.add_paragraph("下半。")
    assert read(source).text == "上半，下半。"


def test_block_content_control_and_text_box_are_read():
    source = docx.Document()
    append(
        source,
        f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>控件里的段落。</w:t></w:r></w:p></w:sdtContent></w:sdt>",
    )
    append(
        source,
        f"<w:p {W}><w:r><w:t>段落。</w:t><w:pict><w:txbxContent><w:p><w:r><w:t>框内文字。</w:t></w:r></w:p>"
        "</w:txbxContent></w:pict></w:r></w:p>",
    )
    assert [text for _, text in units(read(source))] == ["控件里的段落。", "段落。", "框内文字。"]


def test_soft_line_breaks_with_indent_are_paragraphs():
    source = docx.Document()
    source.add_paragraph("　　第一段，\n接着。\n　　第二段。")
    assert [text for _, text in units(read(source))] == ["第一段，\n接着。", "第二段。"]


def test_merged_cells_come_once():
    source = docx.Document()
    table = source.add_table(rows=2, cols=3)
    for number, cell in enumerate(table._cells):
        cell.text = str(number)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "横并"
    table.cell(0, 2).merge(table.cell(1, 2)).text = "竖并"
    assert units(read(source)) == [("table", "横并 | 竖并"), ("table", "3 | 4")]


def test_nested_table_follows_its_row():
    source = docx.Document()
    outer = source.add_table(rows=1, cols=2)
    outer.cell(0, 0).text = "外"
    inner = outer.cell(0, 1).add_table(rows=1, cols=2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "内一", "内二"
    assert units(read(source)) == [("table", "外 | "), ("table", "内一 | 内二")]


def test_frame_around_running_text_is_no_table():
    source = docx.Document()
    cell = source.add_table(rows=1, cols=1).cell(0, 0)
    cell.text = "第一段。"
    cell.add_paragraph("第二段。")
    assert units(read(source)) == [("", "第一段。"), ("", "第二段。")]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("转型意见", "转型意见"),
        ("Word Document", ""),
        ("Microsoft Word - 1.doc", ""),
        ("稿.docx", ""),
        ("", ""),
    ],
)
def test_title_from_the_properties(title, expected):
    source = docx.Document()
    source.core_properties.title = title
    source.add_paragraph("正文。")
    assert read(source).title == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04 broken", "is not a readable .docx file"),
        (b"plain text", "is not a readable .docx file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "is encrypted or an old .doc file"),
        (saved(docx.Document())[:2000], "is not a readable .docx file"),
        (damaged(saved(docx.Document())), "is not a readable .docx file"),
        (saved(docx.Document()), "holds no text"),
    ],
)
def test_unusable_files(data, message):
    with pytest.raises(InputError, match=r"^x\.docx: ") as caught:
        read_document("x.docx", data=data)
    assert message in str(caught.value)
