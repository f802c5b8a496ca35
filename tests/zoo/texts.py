"""Characters and shapes of plain text."""

from tests.zoo.case import SECOND, SENTENCE, Case

LONG = SENTENCE * (50_000 // len(SENTENCE))
RIGHT_TO_LEFT = "ئۇيغۇر ئاپتونوم رايونى خەلق ھۆكۈمىتى خىزمەت دوكلاتى."


def plain(name: str, text: str) -> Case:
    """A text that has to come through as it is."""
    return Case(f"txt_{name}.txt", text.encode(), text=text)


CASES = (
    plain("one_character", "甲"),
    plain("only_punctuation", "，。！？……——《》"),
    plain("only_digits", "2025"),
    plain("emoji", "推进🏭工厂🌱绿色👨‍👩‍👧发展🇨🇳。"),
    plain("extension_b", "𠀀𠮷𡈽𪚥㐂字库收录情况说明。"),
    plain("extension_h", f"{chr(0x31350)}{chr(0x323AF)}" * 20),
    plain("vertical_forms", "︽關於促進發展的意見︾︻三︼﹁要求﹂︙"),
    plain("traditional", "政府將推動製造業數位轉型，協助中小企業升級。"),
    plain("mongolian", "ᠥᠪᠥᠷ ᠮᠣᠩᠭᠣᠯ ᠤᠨ ᠥᠪᠡᠷᠲᠡᠭᠡᠨ ᠵᠠᠰᠠᠬᠤ ᠣᠷᠤᠨ"),
    plain("tibetan", "བོད་རང་སྐྱོང་ལྗོངས་མི་དམངས་སྲིད་གཞུང་གི་ལས་དོན་སྙན་ཞུ།"),
    plain("uyghur", RIGHT_TO_LEFT),
    plain("uyghur_in_chinese", f"{SENTENCE}\n{RIGHT_TO_LEFT}\n{SECOND}"),
    plain("full_width_digits", "２０２５年１—９月，增长１２．５％，共３４００台（套）。"),
    plain("zero_width", "加快\u200b推进\u200c数字化\u200d转型\u2060，完善\ufeff平台。"),
    plain("right_to_left_marks", f"\u202e{SENTENCE}\u202c\u200e\u200f{SECOND}"),
    plain("controls", f"{SENTENCE}\x01\x02\x07\x08\x1b[31m{SECOND}\x7f"),
    plain("form_feeds", f"{SENTENCE}\f{SECOND}\v末段。"),
    plain("end_of_file_mark", f"{SENTENCE}\x1a"),
    plain("private_use", f"{SENTENCE}\ue000{SECOND}"),
    plain("replacement", f"{SENTENCE}\ufffd{SECOND}"),
    plain("combining", f"Ǜ̈ne{SENTENCE}é" + "\u0301" * 200),
    plain("line_separators", f"{SENTENCE}\u2028{SECOND}\u2029末段。\u0085完。"),
    plain("noncharacters", f"{SENTENCE}\uffff\ufdd0{SECOND}"),
    plain("paragraph_of_50000", LONG),
    plain("no_break_or_mark", "的" * 60_000),
    plain("many_empty_lines", f"{SENTENCE}{chr(10) * 100_000}{SECOND}"),
    plain("many_spaces", f"{'　' * 100_000}{SENTENCE}{' ' * 100_000}{SECOND}"),
    plain("same_line_5000_times", f"{SECOND}\n\n" * 5_000),
    plain("open_quotes", "“" * 20_000 + SENTENCE),
    plain("open_brackets", "（" * 20_000 + SENTENCE + "《" * 20_000),
    plain("numbering", "".join(f"（{number}）" for number in range(9_000))),
    plain("looks_like_markup", f"<script>alert(1)</script>{SENTENCE}&lt;&#0;]]>"),
    plain("looks_like_formulas", f"=SUM(A1:A9)\n+cmd|' /C calc'!A0\n@{SENTENCE}\n-1"),
    plain("digits_of_one_number", "增长" + "9" * 50_000 + "亿元。"),
    Case("txt_carriage_returns.txt", f"{SENTENCE}\r{SECOND}\r\n".encode(), text=f"{SENTENCE}\n{SECOND}\n"),
    Case(
        "txt_mostly_controls.txt",
        ("政策\x01\x02\x03" * 40).encode(),
        error="120 of 200 characters are control, private-use or unassigned ones",
    ),
    Case("txt_markdown.md", f"# 标题\n\n**{SENTENCE}**\n".encode(), text=f"# 标题\n\n**{SENTENCE}**\n"),
)
