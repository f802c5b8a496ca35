import pytest

from policylens.data.errors import InputError
from policylens.data.read import read_document

pytest.importorskip("lxml")


def read(body, head="", encoding="utf-8"):
    return read_document(
        "x.html", data=f"<html><head>{head}</head><body>{body}</body></html>".encode(encoding)
    )


def units(document):
    return [(block.hint, document.text[block.start : block.end]) for block in document.blocks]


def test_blocks_in_order_with_offsets():
    document = read(
        """<nav><a href="/">首页</a></nav><script>var a = '正文';</script>
        <h1>关于推进转型的意见</h1>
        <div><p>第一段，<b>加粗</b>文字<script>x()</script>接着。</p>裸露的文字。<ul><li>第一项；</li><li>第二项。</li></ul></div>
        <h3>一、要求</h3><figure><img src="a.png"><figcaption>图为车间。</figcaption></figure>
        <p>末段。</p><!-- 注释 --><aside>相关阅读</aside><form><input>搜索</form><footer>版权所有</footer>"""
    )
    assert units(document) == [
        ("heading", "关于推进转型的意见"),
        ("", "第一段，加粗文字接着。"),
        ("", "裸露的文字。"),
        ("", "第一项；"),
        ("", "第二项。"),
        ("heading", "一、要求"),
        ("caption", "图为车间。"),
        ("", "末段。"),
    ]
    assert [block.level for block in document.blocks] == [1, 0, 0, 0, 0, 3, 0, 0]
    assert document.text == "\n\n".join(text for _, text in units(document))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>甲方<br>乙方</p>", ["甲方\n乙方"]),
        ("<p>第一段。<br><br>第二段。</p>", ["第一段。", "第二段。"]),
        ("<div>　　第一段。<br>　　第二段，<br>接着。</div>", ["第一段。", "第二段，\n接着。"]),
        ("&nbsp;&nbsp; &nbsp;第一段。<br>&nbsp; &nbsp;&nbsp;第二段。", ["第一段。", "第二段。"]),
        ("<p>&emsp;&emsp;第一段。<br>&emsp;&emsp;第二段。</p>", ["第一段。", "第二段。"]),
        ("<p>加快\n      推进 AI\n   plus</p>", ["加快推进 AI plus"]),
        ("<pre>第一行\n第二行</pre>", ["第一行\n第二行"]),
        ("<p>A&nbsp;B &lt;甲&gt; &amp; ㎡</p>", ["A B <甲> & ㎡"]),
        ("<ruby>漢<rt>hàn</rt></ruby>字", ["漢字"]),
        ("只有文字", ["只有文字"]),
    ],
)
def test_lines_and_white_space(body, expected):
    assert [text for _, text in units(read(body))] == expected


def test_table_of_values_gives_rows():
    body = """<p>前。</p><table><caption>表1</caption><tr><th>年份</th><th>产值</th></tr>
    <tr><td>2024</td><td><p>3.5</p><p>亿元</p></td></tr></table>后。"""
    assert units(read(body)) == [
        ("", "前。"),
        ("caption", "表1"),
        ("table", "年份 | 产值"),
        ("table", "2024 | 3.5 亿元"),
        ("", "后。"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "<table><tr><td>菜单</td><td><h2>标题</h2><p>第一段。</p><p>第二段。</p></td></tr></table>",
        "<table><tr><td>菜单<h2>标题</h2><table><tr><td>第一段。</td></tr></table>第二段。</td></tr></table>",
    ],
)
def test_table_that_lays_out_the_page_gives_its_text(body):
    assert units(read(body)) == [("", "菜单"), ("heading", "标题"), ("", "第一段。"), ("", "第二段。")]


def test_form_around_the_whole_page_is_kept():
    body = "<form><div class='nav'>首页</div><p>这是正文的第一段。</p></form>"
    assert units(read(body)) == [("furniture", "首页"), ("", "这是正文的第一段。")]


def test_links_and_navigation_are_marked_not_lost():
    body = """<div id="header-nav"><span>位置</span></div><p>正文说明了要求。</p>
    <p>见<a href="#">通知</a>。</p><p><a href="#">下一页</a></p><div role="contentinfo">网站标识码</div>"""
    assert units(read(body)) == [
        ("furniture", "位置"),
        ("", "正文说明了要求。"),
        ("", "见通知。"),
        ("furniture", "下一页"),
        ("furniture", "网站标识码"),
    ]


def test_hidden_elements_are_dropped():
    assert units(read("<p>正文写在这里。</p><p style='DISPLAY: none'>隐</p><p hidden>藏</p>")) == [
        ("", "正文写在这里。")
    ]


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>关于转型的意见_某网</title>", "<h1>网站</h1><h1>关于转型的意见</h1>", "关于转型的意见"),
        ("<title>关于转型\n的意见</title>", "<p>文</p>", "关于转型 的意见"),
        ("", "<h1>关于<br>转型</h1>", "关于 转型"),
        ("<meta name='ArticleTitle' content='甲意见'><title>乙</title>", "<h1>丙</h1>", "甲意见"),
        ("", "<p>文</p>", ""),
    ],
)
def test_title(head, body, title):
    assert read(body, head).title == title


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("gb2312", "gb18030"),
        ("utf-8", "utf-8"),
        ("utf-8", "gb18030"),
        ("gb2312", "utf-8"),
        ("gbk", "utf-8-sig"),
    ],
)
def test_declared_encoding_gives_way_to_the_bytes(declared, encoding):
    head = f'<meta http-equiv="Content-Type" content="text/html; charset={declared}">'
    assert read("<p>加快发展先进制造业。</p>", head, encoding).text == "加快发展先进制造业。"


def test_xml_declaration_is_no_obstacle():
    data = '<?xml version="1.0" encoding="gb2312"?><html><body><p>加快发展制造业。</p></body></html>'
    assert read_document("x.htm", data=data.encode("gb18030")).text == "加快发展制造业。"


def test_deep_nesting_keeps_the_text():
    assert read("<div>" * 1500 + "<p>深处的正文。</p>" + "</div>" * 1500).text == "深处的正文。"


@pytest.mark.parametrize("body", ["", "<script>x</script>", "<p> &nbsp; </p>"])
def test_page_without_text_is_an_error(body):
    with pytest.raises(InputError, match=r"x\.html: holds no text"):
        read(body)
