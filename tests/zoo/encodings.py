"""Bytes: encodings, byte-order marks, and what is no text."""

import codecs

from tests.zoo.case import SECOND, SENTENCE, Case

TRADITIONAL = "政府將推動製造業數位轉型，協助中小企業升級，並擴大對外貿易。"
TWO = f"{SENTENCE}\n{SECOND}\n"
NO_ENCODING = "no known encoding gives plausible text"

CASES = (
    Case("enc_utf8.txt", TWO.encode(), text=TWO),
    Case("enc_utf8_mark.txt", codecs.BOM_UTF8 + TWO.encode(), text=TWO),
    Case("enc_utf8_one_sign.txt", "Water: 1,200 m³.\n".encode(), text="Water: 1,200 m³.\n"),
    Case("enc_utf8_few_signs.txt", "±3 °C · 2 × 5 µm".encode(), text="±3 °C · 2 × 5 µm"),
    Case("enc_utf8_pinyin.txt", "pǔtōnghuà, Łódź".encode(), text="pǔtōnghuà, Łódź"),
    Case("enc_utf8_cyrillic.txt", "Приказ о поддержке".encode(), text="Приказ о поддержке"),
    Case("enc_gbk_like_utf8.txt", "学习".encode("gbk"), text="学习"),
    Case("enc_gbk.txt", TWO.encode("gbk"), text=TWO),
    Case("enc_gb18030_four_bytes.txt", f"{TWO}㐀㐁𠀀𠮷。".encode("gb18030"), text=f"{TWO}㐀㐁𠀀𠮷。"),
    Case("enc_gb18030_only_rare.txt", "㐀㐁㐂𠀀𠀁𠀂".encode("gb18030"), error=NO_ENCODING),
    Case("enc_big5.txt", TRADITIONAL.encode("big5"), text=TRADITIONAL),
    Case(
        "enc_big5_hong_kong.txt",
        f"{TRADITIONAL}深水埗邨。".encode("big5hkscs"),
        text=f"{TRADITIONAL}深水埗邨。",
    ),
    Case("enc_utf16_no_mark_le.txt", TWO.encode("utf-16-le"), text=TWO),
    Case("enc_utf16_no_mark_be.txt", TWO.encode("utf-16-be"), text=TWO),
    Case("enc_utf16_mark.txt", TWO.encode("utf-16"), text=TWO),
    Case("enc_utf32_mark.txt", TWO.encode("utf-32"), text=TWO),
    Case(
        "enc_utf16_odd_byte.txt",
        codecs.BOM_UTF16_LE + TWO.encode("utf-16-le")[:-1],
        error="is not valid utf-16-le",
    ),
    Case(
        "enc_utf16_half_pair.txt",
        codecs.BOM_UTF16_LE + SENTENCE.encode("utf-16-le") + b"\x00\xd8" + SECOND.encode("utf-16-le"),
        error="is not valid utf-16-le at byte 72",
    ),
    Case(
        "enc_utf8_half_pair.txt",
        SENTENCE.encode() + b"\xed\xa0\x80\n",
        error="utf-8, which fails at byte 105 in line 1",
    ),
    Case("enc_wrong_mark.txt", codecs.BOM_UTF8 + TWO.encode("gbk"), error="is not valid utf-8 at byte 3"),
    Case("enc_mostly_utf8.txt", (TWO * 3).encode() + SENTENCE.encode("gbk"), error="in line 7"),
    Case(
        "enc_mostly_gbk.txt",
        (TWO * 30).encode("gbk") + "工作要求\n".encode(),
        error="line 61 holds UTF-8, the rest is gb18030",
    ),
    Case(
        "enc_mixed_in_one_line.txt",
        (SENTENCE * 4).encode("gbk") + SECOND[:8].encode() + b"\n",
        error="line 1 holds UTF-8",
    ),
    Case("enc_cut_character.txt", SENTENCE.encode()[:-1], error=NO_ENCODING),
    Case(
        "enc_korean.txt",
        "대한민국 정부는 제조업의 디지털 전환을 가속화하기로 했다".encode("euc_kr"),
        error=NO_ENCODING,
    ),
    Case("enc_random_bytes.txt", bytes(range(256)) * 16, error=NO_ENCODING),
    Case("enc_picture.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0" * 9, error=NO_ENCODING),
    Case(
        "enc_nul_inside.txt",
        f"{SENTENCE}\0{SECOND}".encode(),
        error="holds NUL characters, so it is not text",
    ),
    Case("enc_only_nul.txt", bytes(5_000), error="holds NUL characters, so it is not text"),
    Case("enc_empty.txt", b"", error="is empty"),
    Case("enc_mark_only.txt", codecs.BOM_UTF8, error="is empty"),
    Case("enc_utf16_mark_only.txt", codecs.BOM_UTF16_LE, error="is empty"),
    Case("enc_only_spaces.txt", " \t\r\n\u3000\u00a0\n".encode(), error="is empty"),
    Case("enc_empty_markdown.md", b"\n\n", error="is empty"),
)
