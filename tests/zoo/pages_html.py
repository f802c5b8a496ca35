"""HTML pages."""

from tests.zoo.case import SECOND, SENTENCE, Case, joined


def page(body: str, *, head: str = "") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


def html(name: str, body: str, *texts: str, error: str = "") -> Case:
    text = joined(*texts) if texts else None
    return Case(f"htm_{name}.html", page(body).encode(), text=text, error=error)


def declared(charset: str, encoding: str) -> bytes:
    return page(f"<p>{SENTENCE}</p>", head=f'<meta charset="{charset}">').encode(encoding)


P = f"<p>{SENTENCE}</p>"
P2 = f"<p>{SECOND}</p>"

CASES = (
    html("script", f"{P}<script>document.write('假')</script><style>p{{}}</style>{P2}", SENTENCE, SECOND),
    html("script_in_paragraph", f"<p>{SENTENCE}<script>x</script>{SECOND}</p>", SENTENCE + SECOND),
    html("script_not_closed", f"{P}<script>var a = '<p>{SECOND}</p>'", SENTENCE),
    html("only_script", "<script>location='x'</script>", error="holds no text"),
    html(
        "handlers",
        f'<p onclick="alert(1)">{SENTENCE}</p><a href="javascript:x">{SECOND}</a>',
        SENTENCE,
        SECOND,
    ),
    html("deep_1000", "<div>" * 1_000 + SENTENCE + "</div>" * 1_000 + P2, SENTENCE, SECOND),
    html("deep_100000", P + "<div>" * 100_000 + SECOND, error="is nested too deep for an HTML page"),
    html("deep_inline", "<b>" * 1_500 + SENTENCE + "</b>" * 1_500 + P2, SENTENCE + "", SECOND),
    html("deep_hidden", P * 900 + "<nav>" * 1_500 + "甲" + "</nav>" * 1_500, *[SENTENCE] * 900),
    html("deep_links", P + '<a href="#">' * 3_000 + SECOND, SENTENCE, SECOND),
    html(
        "deep_tables", "<table><tr><td>" * 500 + SENTENCE + "</td></tr></table>" * 500 + P2, SENTENCE, SECOND
    ),
    html("many_elements", "<i></i>" * 100_000 + P, SENTENCE),
    html("long_attribute", f'<p title="{"长" * 1_000_000}">{SENTENCE}</p>', SENTENCE),
    html("frames_inline", f'{P}<iframe src="http://127.0.0.1:9/x">{SECOND}</iframe>', SENTENCE),
    html("comment_not_closed", f"{P}<!-- {P2}", SENTENCE),
    html(
        "entities", "<p>&#26085;&#xD800;&#x110000;&amp;&nbsp;&unknown;。</p>", "日\ufffd\ufffd& &unknown;。"
    ),
    html(
        "text_outside_cells",
        f"<table>{SENTENCE}<tr><td>甲</td><td>乙</td></tr></table>",
        SENTENCE,
        "甲",
        "乙",
    ),
    html("cells_without_rows", f"<table><td>{SENTENCE}<td>乙</table>", SENTENCE, "乙"),
    html(
        "table",
        "<table><tr><th>年份<th>产值<tr><td>2024<td>3.5亿元</table>" + P,
        "年份 | 产值",
        "2024 | 3.5亿元",
        SENTENCE,
    ),
    html("line_separator", f"<p>{SENTENCE}\u2028{SECOND}</p>", f"{SENTENCE}\n{SECOND}"),
    html("nothing", "", error="holds no text"),
    Case(
        "htm_frames.html",
        b"<html><frameset cols='20%,*'><frame src='a.html'></frameset></html>",
        error="is only a set of frames; give the pages in them",
    ),
    Case("htm_says_utf8_is_gbk.html", declared("utf-8", "gbk"), text=SENTENCE),
    Case("htm_says_gbk_is_utf8.html", declared("gb2312", "utf-8"), text=SENTENCE),
    Case("htm_says_big5_is_gbk.html", declared("big5", "gbk"), text=SENTENCE),
    Case(
        "htm_says_nonsense.html", declared("x-\u00fc\u0000nicode".replace("\0", ""), "utf-8"), text=SENTENCE
    ),
    Case("htm_says_utf16_is_utf8.html", declared("utf-16", "utf-8"), text=SENTENCE),
    Case("htm_no_tags.html", SENTENCE.encode(), text=SENTENCE),
    Case(
        "htm_external_entity.html",
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>{SENTENCE}&x;</p>'.encode(),
        text=f"]>\n\n{SENTENCE}&x;",
    ),
    Case("htm_binary.html", bytes(range(256)) * 9, error="no known encoding gives plausible text"),
)
