import io
import logging

import pytest

from policylens.data.errors import InputError
from policylens.data.read import read_document
from tests.zoo.pdf_files import PAGE, by_hand

pypdfium2 = pytest.importorskip("pypdfium2")
canvas = pytest.importorskip("reportlab.pdfgen.canvas")
pdfmetrics = pytest.importorskip("reportlab.pdfbase.pdfmetrics")
cidfonts = pytest.importorskip("reportlab.pdfbase.cidfonts")
pdfencrypt = pytest.importorskip("reportlab.lib.pdfencrypt")

EM = 12
LEFT, TOP, LINE = 72, 760, 20
BODY = [
    "　　为加快推进制造业数字化转型，现就有关工作提出如下意见，",
    "请各地结合实际抓好落实。",
    "　　完善公共服务平台，2025年培育3.5万家企业（含AI plus企业），",
    "扩大应用场景，形成一批可以复制推广的典型经验和做法。",
]


def make(*pages, rotate=0, title="", encrypt=None):
    """PDF bytes; a page is a list of (x, y, text) with positions in points."""
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont("STSong-Light"))
    stream = io.BytesIO()
    pdf = canvas.Canvas(stream, pagesize=(595, 842), encrypt=encrypt)
    pdf.setTitle(title)
    for page in pages:
        pdf.setFont("STSong-Light", EM)
        if rotate:
            pdf.setPageRotation(rotate)
            pdf.translate(297, 421)
            pdf.rotate(rotate)
            pdf.translate(-297, -421)
        for x, y, text in page:
            pdf.drawString(x, y, text)
        pdf.showPage()
    pdf.save()
    return stream.getvalue()


def no_pages():
    stream = io.BytesIO()
    pypdfium2.PdfDocument.new().save(stream)
    return stream.getvalue()


def lines(texts, x=LEFT, y=TOP):
    return [(x, y - LINE * number, text) for number, text in enumerate(texts)]


def read(*pages, **options):
    return read_document("通知.pdf", data=make(*pages, **options))


def test_lines_keep_order_and_indent():
    document = read(lines(BODY), title="转型意见")
    assert document.text == "\n".join(BODY)
    assert (document.doc, document.title, document.blocks) == ("通知", "转型意见", ())


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_turned_pages_read_the_same(rotate):
    assert read(lines(BODY), rotate=rotate).text == "\n".join(BODY)


def test_indent_by_position_counts_like_spaces():
    page = [(LEFT + 2 * EM, TOP, "第一段从这里开始，写到行末，"), (LEFT, TOP - LINE, "接着写。")]
    assert read(page).text == "　　第一段从这里开始，写到行末，\n接着写。"


def test_parts_of_a_line_drawn_apart_are_joined():
    page = [(LEFT + 5 * EM, TOP, "转型工作。"), (LEFT, TOP, "推进数字化"), (LEFT, TOP - LINE, "第二行。")]
    assert read(page).text == "推进数字化转型工作。\n第二行。"


def columns(left, right, y=TOP):
    """Two columns drawn row by row, the way that must not decide the reading order."""
    pairs = zip(lines(left, LEFT, y), lines(right, LEFT + 20 * EM, y), strict=True)
    return [line for pair in pairs for line in pair]


LEFT_COLUMN = [
    "　　第一栏第一段从这里开始写到行末，",
    "第一栏第二行的文字写到行末为止了，",
    "第一段完。",
    "　　第一栏第二段从这里开始写到行末，",
    "第一栏最后一行的文字接到第二栏继续",
]
RIGHT_COLUMN = [
    "写到第二栏的第一行并且在这里结束。",
    "　　第二栏第二段从这里开始写到行末，",
    "第二栏第三行的文字写到行末为止了，",
    "第二栏第四行的文字写到行末为止了，",
    "全文完。",
]


def test_two_columns_are_read_one_after_the_other():
    headline = [(LEFT + 10 * EM, TOP, "横跨两栏的文章标题写在这里")]
    page = headline + columns(LEFT_COLUMN, RIGHT_COLUMN, TOP - 2 * LINE)
    assert read(page).text.split("\n") == ["横跨两栏的文章标题写在这里", *LEFT_COLUMN, *RIGHT_COLUMN]


def test_headline_between_two_articles_parts_the_columns():
    headline = [(LEFT + 10 * EM, TOP - 6 * LINE, "横跨两栏的第二篇文章的标题")]
    page = columns(LEFT_COLUMN, RIGHT_COLUMN) + headline + columns(RIGHT_COLUMN, LEFT_COLUMN, TOP - 8 * LINE)
    assert read(page).text.split("\n") == [
        *LEFT_COLUMN, *RIGHT_COLUMN, "横跨两栏的第二篇文章的标题", *RIGHT_COLUMN, *LEFT_COLUMN,
    ]  # fmt: skip


def test_three_columns():
    texts = [[f"第{column}栏第{row}行写到了行末" for row in "一二三四"] for column in "甲乙丙"]
    page = [line for row in range(4) for column in range(3)
            for line in lines([texts[column][row]], 50 + column * 14 * EM, TOP - row * LINE)]  # fmt: skip
    assert read(page).text.split("\n") == [text for column in texts for text in column]


def test_table_rows_are_not_columns():
    cells = [("指标名称", "2024年", "2025年"), ("工业增加值", "5.8%", "6.0%"), ("技改投资", "8.2%", "9.1%")]
    page = [(LEFT + 10 * EM * column, TOP - LINE * row, text)
            for row, texts in enumerate(cells) for column, text in enumerate(texts)]  # fmt: skip
    assert read(page).text.split("\n") == ["　".join(row) for row in cells]


@pytest.mark.parametrize(
    "number", ["— {} —", "- {} -", "第{}页", "{}", "第 {} 页 共 3 页", "{}/3", "－{}－", "Page {} of 3"]
)
def test_page_numbers_and_running_heads_are_dropped(number):
    pages = [
        [(LEFT, 810, "某省工业和信息化厅文件"), *lines(BODY), (290, 40, number.format(page))]
        for page in (1, 2, 3)
    ]
    assert read(*pages).text.split("\n") == BODY * 3


def test_text_that_repeats_inside_pages_is_kept():
    assert read(*[lines(BODY * 2)] * 3).text.count(BODY[2]) == 6


def test_paragraph_runs_on_over_the_page():
    pages = lines([*BODY, *BODY[:1]]), lines(["接上页的文字。", *BODY[2:]])
    assert "现就有关工作提出如下意见，\n接上页的文字。\n　　完善" in read(*pages).text


def test_few_lines_on_the_last_page_keep_their_indent():
    assert read(lines(BODY * 2), lines(["　　特此通知。"])).text.endswith("做法。\n　　特此通知。")


def test_watermark_across_the_page_is_left_out():
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont("STSong-Light"))
    stream = io.BytesIO()
    pdf = canvas.Canvas(stream)
    pdf.setFont("STSong-Light", EM)
    for x, y, text in lines(BODY):
        pdf.drawString(x, y, text)
    pdf.rotate(45)
    pdf.drawString(600, 200, "内部资料")
    pdf.save()
    assert read_document("x.pdf", data=stream.getvalue()).text == "\n".join(BODY)


def test_page_without_text_is_logged(caplog):
    with caplog.at_level(logging.WARNING):
        assert read(lines(BODY), []).text == "\n".join(BODY)
    assert caplog.messages == ["通知.pdf: no text on page 2 (blank or scanned)"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7 broken", "is not a readable PDF file"),
        (b"text", "is not a readable PDF file"),
        (no_pages(), "is not a readable PDF file"),
        (make([], []), "has no text layer (scanned pages?); run OCR on it first"),
        (make([(290, 40, "— 1 —")]), "holds no text but page numbers"),
        (make(lines(BODY), encrypt=pdfencrypt.StandardEncryption("secret")), "is encrypted; save it without"),
    ],
)  # fmt: skip
def test_unusable_files(data, message):
    with pytest.raises(InputError, match=r"^x\.pdf: ") as caught:
        read_document("x.pdf", data=data)
    assert message in str(caught.value)


def test_file_that_opens_without_a_password_is_read():
    assert read(lines(BODY), encrypt=pdfencrypt.StandardEncryption("", "owner")).text == "\n".join(BODY)


def test_pages_that_take_all_too_long_are_an_error(monkeypatch):
    # Thousands of pages can show the same content: found as a file of 200 kB that would take hours.
    monkeypatch.setattr("policylens.data.readers.read_pdf._LEAST_SECONDS", 0.5)
    monkeypatch.setattr("policylens.data.readers.read_pdf._SECONDS_A_PAGE", 0.0)
    data = by_hand(PAGE + b"0 0 1 1 re f " * 100_000, kids="3 0 R " * 4_000, count=4_000, packed=True)
    with pytest.raises(InputError, match=r"takes more than 0 s of processor time for \d+ of 4,000 pages"):
        read_document("x.pdf", data=data)
