"""Numbers at the head of lines."""

import pytest

from policylens.data.layout.numbering import is_numbered_heading, number_value, parse_numbering


@pytest.mark.parametrize(
    ("text", "style", "value", "title"),
    [
        ("第一编　总则", "part", 1, "总则"),
        ("第二部分 重点任务", "part", 2, "重点任务"),
        ("第十二章　法律责任", "chapter", 12, "法律责任"),
        ("第 三 章", "chapter", 3, ""),
        ("第一节　融资服务", "section", 1, "融资服务"),
        ("第二十一条　经营者应当明码标价。", "article", 21, "经营者应当明码标价。"),
        ("第八条之一　补贴每年核定一次。", "article", 8, "补贴每年核定一次。"),
        ("十一、保障措施", "han", 11, "保障措施"),
        ("（三）摸清家底", "paren_han", 3, "摸清家底"),
        ("(二)摸清家底", "paren_han", 2, "摸清家底"),
        ("3．拆除重建", "arabic", 3, "拆除重建"),
        ("12. 拆除重建", "arabic", 12, "拆除重建"),
        ("2.3 接口要求", "decimal", 3, "接口要求"),
        ("（4）旧厂房", "paren_arabic", 4, "旧厂房"),
        ("③旧厂房", "circled", 3, "旧厂房"),
    ],
)
def test_number_is_read(text, style, value, title):
    number = parse_numbering(text)
    assert number is not None
    assert (number.style, number.value, number.title) == (style, value, title)


@pytest.mark.parametrize(
    "text",
    [
        "1.8亿元资金由财政垫付",
        "第四条第二款规定的情形",
        "第一，要摸清家底",
        "一是摸清家底",
        "2025年4月",
        "第三届博览会",
        "",
    ],
)
def test_text_that_only_looks_numbered_is_not(text):
    assert parse_numbering(text) is None


@pytest.mark.parametrize(
    ("digits", "value"),
    [("十", 10), ("二十三", 23), ("一百零五", 105), ("一〇", 10), ("17", 17), ("⑳", 20), ("2.11", 11)],
)
def test_value_of_a_number(digits, value):
    assert number_value(digits) == value


def test_ranks_nest_as_in_laws_and_official_documents():
    heads = [
        "第一编 a",
        "第一章 a",
        "第一节 a",
        "第一条 a",
        "一、a",
        "（一）a",
        "1. a",
        "1.1 a",
        "（1）a",
        "①a",
    ]
    ranks = [number.rank for number in map(parse_numbering, heads) if number]
    assert len(ranks) == len(heads)
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一、坚持创新驱动，加快转型升级", True),
        ("第一章　总则", True),
        ("（一）摸清家底", True),
        ("第三条　适用范围", True),
        ("（一）摸清家底。各区县要在六月底前完成普查。", False),
        ("（一）编制清单并公布；", False),
        ("第三条　市、区人民政府应当履行下列职责：", False),
        ("1.企业利用自有厂房加层、扩建且不改变工业用途、也不影响消防通道和采光间距的不再增收土地价款", False),
        ("没有编号", False),
    ],
)
def test_numbered_heading_is_short_and_no_sentence(text, expected):
    assert is_numbered_heading(text, parse_numbering(text)) is expected
