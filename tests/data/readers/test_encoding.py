import codecs
import io

import pytest

from policylens.data.errors import InputError
from policylens.data.readers.encoding import HEAD_BYTES, DecodedLine, decode, read_lines

SIMPLIFIED = "各地要加快推进中小企业数字化转型，完善公共服务平台，确保政策落实到位。"
SHORT = "加快发展先进制造业。"  # 10 characters
TRADITIONAL = "政府將推動製造業數位轉型，協助中小企業升級，並擴大對外貿易。"
SHORT_TRADITIONAL = "加快發展先進製造業。"


@pytest.mark.parametrize("text", [SIMPLIFIED, SHORT, f"一、总体要求\n{SIMPLIFIED}\n附件：3份 (2025)\n"])
@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("gb18030", b""),
        ("gbk", b""),
        ("gb2312", b""),
    ],
)
def test_simplified_text_is_decoded(text, encoding, bom):
    assert decode(bom + text.encode(encoding)) == text


@pytest.mark.parametrize("text", [TRADITIONAL, SHORT_TRADITIONAL])
@pytest.mark.parametrize("encoding", ["big5", "cp950", "gb18030", "utf-8", "utf-16-le", "utf-16-be"])
def test_traditional_text_is_decoded(text, encoding):
    assert decode(text.encode(encoding)) == text


def test_every_ten_characters_of_a_text_are_enough():
    for text, encodings in ((SIMPLIFIED, ("gb18030", "utf-16-le")), (TRADITIONAL, ("big5", "gb18030"))):
        for encoding in encodings:
            for start in range(len(text) - 9):
                piece = text[start : start + 10]
                assert decode(piece.encode(encoding)) == piece


def test_gbk_words_that_are_valid_utf8_stay_chinese():
    word = "学习模式"
    data = word.encode("gbk")[:4]  # "学习" is also two Cyrillic letters in UTF-8
    assert data.decode("utf-8") == "ѧϰ"
    assert decode(data) == "学习"


@pytest.mark.parametrize("word", ["小学", "农业", "实施", "平台", "元", "要"])
def test_one_gbk_word_in_ascii_that_is_valid_utf8_stays_chinese(word):
    text = f"id,text\n1,{word}\n"
    assert text.encode("gbk").decode("utf-8") != text
    assert decode(text.encode("gbk")) == text


@pytest.mark.parametrize(
    "text", ["Приказ о поддержке", "café à Paris", "Łódź, Dvořák, pǔtōnghuà", "5 µm α", "צרפת", "plain", ""]
)
def test_utf8_of_other_scripts_stays_utf8(text):
    assert decode(text.encode()) == text


@pytest.mark.parametrize("sign", [chr(code) for code in range(0xA0, 0x100)])
def test_one_sign_of_latin_1_in_valid_utf8_is_no_chinese_character(sign):
    # "³" is also 糧 in Big5, "·" is 路 in GBK; found with records of which all else was ASCII.
    for text in (sign, f"1,200 m{sign} of water\n", f'{{"text": "{sign}"}}\n'):
        assert decode(text.encode()) == text
        assert [line.text for line in read_lines(io.BytesIO(text.encode()), name="x")] == [text]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5"])
@pytest.mark.parametrize("kept_bytes", [1, 2, 3, 4])
def test_character_that_the_end_of_the_head_cuts_tells_no_encoding(encoding, kept_bytes):
    ascii_line = "x" * (HEAD_BYTES - kept_bytes - 1) + "\n"
    stream = io.BytesIO((ascii_line + TRADITIONAL).encode(encoding))
    assert [line.text for line in read_lines(stream, name="x")] == [ascii_line, TRADITIONAL]


def test_line_ends_are_normalised_and_nothing_else():
    assert decode("甲\r\n乙\r丙\n　　ＡＢＣ１２，㎡ \n".encode()) == "甲\n乙\n丙\n　　ＡＢＣ１２，㎡ \n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(range(256)) * 4, "no known encoding gives plausible text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", "no known encoding"),
        ("대한민국 정부는 제조업의 디지털 전환을 가속화하기로 했다".encode("euc_kr"), "no known encoding"),
        ("政府は製造業のデジタル化を推進する".encode("shift_jis"), "no known encoding"),
        (SIMPLIFIED.encode()[:-1] + b"\xff" + SIMPLIFIED.encode(), "no known encoding"),
        (codecs.BOM_UTF8 + "政策".encode() + b"\xff", "x.txt: is not valid utf-8 at byte 9"),
        (codecs.BOM_UTF8 + "政\0策".encode(), "holds NUL characters"),
        ("\ue000\ue001\ue002政策".encode(), "3 of 5 characters are control, private-use"),
    ],
)
def test_undecodable_bytes_are_named_not_guessed(data, message):
    with pytest.raises(InputError, match=r"^x\.txt: .*convert it to UTF-8") as caught:
        decode(data, name="x.txt")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("big5", "big5"),
        ("utf-8", "utf-8"),
        ("utf-8", "gbk"),
        ("x", "gbk"),
    ],
)
def test_declared_encoding_is_used_only_where_it_fits(declared, encoding):
    text = SHORT_TRADITIONAL
    assert decode(text.encode(encoding), declared=declared) == text


def test_declaration_settles_a_text_too_rare_to_detect():
    name = "翀昇，赟翾"
    data = name.encode("gb18030")
    with pytest.raises(InputError):
        decode(data)
    assert decode(data, declared="gb2312") == name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "big5"])
def test_lines_of_a_stream(encoding):
    first, second = TRADITIONAL, SHORT_TRADITIONAL
    stream = io.BytesIO(f"{first}\n\n{second}".encode(encoding))
    assert list(read_lines(stream, name="x")) == [
        DecodedLine(1, f"{first}\n"),
        DecodedLine(2, "\n"),
        DecodedLine(3, second),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_stream_longer_than_the_head_keeps_every_line(encoding):
    lines = [f"{number:05d} {SIMPLIFIED}\n" for number in range(3000)]
    stream = io.BytesIO("".join(lines).encode(encoding))
    assert [line.text for line in read_lines(stream, name="x")] == lines


def test_encoding_that_shows_only_after_the_head_is_found():
    ascii_lines = "".join(f"{number:09d}\n" for number in range(8000))
    lines = list(read_lines(io.BytesIO(ascii_lines.encode() + SIMPLIFIED.encode("gb18030")), name="x"))
    assert (len(lines), lines[-1].text) == (8001, SIMPLIFIED)


def test_line_with_a_wrong_byte_is_named_and_the_next_ones_follow():
    data = f"{SIMPLIFIED}\n".encode() + b"ab\xffcd\n" + SHORT.encode()
    lines = list(read_lines(io.BytesIO(data), name="x"))
    place = len(SIMPLIFIED.encode()) + 1 + 2
    assert [line.text for line in lines] == [f"{SIMPLIFIED}\n", "", SHORT]
    assert lines[1].error == f"byte {place} does not fit the encoding utf-8; convert the file to UTF-8"
