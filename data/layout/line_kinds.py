"""What a single line says about itself: byline, caption, table row, page furniture, part of a letter."""

from __future__ import annotations

import re

from policylens.data.layout.lines import ends_sentence, has_inner_end
from policylens.data.layout.names import is_name
from policylens.data.layout.numbering import parse_numbering
from policylens.data.records import Kind

_NAME = r"[\u4e00-\u9fff·]{2,4}"
_NAMES = rf"{_NAME}(?:\s*[、，/]\s*{_NAME}|\s+{_NAME})*"
_ROLE = (
    r"(?:(?:本报|本刊|本网|本台|本社|新华社|[\u4e00-\u9fff]{2,8}(?:日报|晚报|早报|时报|周刊|[报网社]))\s*)?"
    r"(?:首席|特约|见习|实习|驻[\u4e00-\u9fff]{2,5}|全媒体|融媒体)*"
)
_BYLINES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[■□●◆◎▲☆★\s]*[（(]?{_ROLE}(?:记者|通讯员|特约撰稿人|评论员)\s*[:：]?\s*{_NAMES}"
        rf"(?:\s*(?:通讯员|摄影报道|报道|文/?图|整理|综合)\s*(?:{_NAMES})?)*[）)]?$",
        rf"[■□●◆◎▲☆★]\s*{_NAMES}$",
        rf"(?:文|图文|文图|撰文|采写|口述|整理)\s*[/／|:：]\s*{_ROLE}(?:记者)?\s*{_NAMES}(?:\s*(?:图|摄影|编辑)\s*[/／|:：].{{2,20}})?$",
        r"[（(]?(?:作者|来源|稿源|稿件来源|信息来源|文章来源)(?:单位)?\s*(?:[:：]|为|系|\s).{1,60}$",
        rf"本报(?:讯|综合报道|评论员)(?:\s*[（(](?:{_ROLE}(?:记者|通讯员)\s*[:：]?\s*{_NAMES}[\s、，]*)+[）)])?$",
        rf"(?:文|图|摄影|撰文)\s*[/／]\s*(?:文|图|摄影|片)[\s:：]+{_NAMES}$",
        # Institution, place and postcode below the authors of a paper.
        r"[（(][\u4e00-\u9fff\s]{4,40}[，,\s]+[\u4e00-\u9fff\s]{2,12}\d{6}[）)]$",
        r"(?:本报|新华社|中新社|本台|本网)[\u4e00-\u9fff]{0,8}\d{1,2}月\d{1,2}日[电讯]"
        rf"(?:\s*[（(]?(?:记者|通讯员)\s*[:：]?\s*{_NAMES}[）)]?)*$",
        r"[\u4e00-\u9fff·、（）()\s]{0,40}(?:教授|研究员|院士|工程师|博士|评论员|秘书长|董事长|总经理)"
        rf"[\s　]+{_NAME}$",
        rf".{{0,24}}(?:[市省县区州盟旗院部局厅]长|检察长|主任|书记|总理|主席)[\s　]+{_NAME}$",
    )
)
# A dateline may be a line of its own or begin the first paragraph of a story.
_DATELINE = re.compile(
    r"(?:本报|新华社|中新社|本台|本网)[\u4e00-\u9fff、]{0,12}\d{1,2}月\d{1,2}日[电讯]|(?:本报|本网|本刊)[讯电]\s*[（(]"
)
_CAPTIONS = tuple(
    re.compile(pattern)
    for pattern in (
        r"[（(【]?(?:上|下|左|右|中|本|题|组|主|大|小)?图(?:片|左|右|上|下|中)?(?:为|是|[:：])",
        r"[图表]\s*[0-9一二三四五六七八九十]{1,3}(?:[-—.．]\d{1,2})?(?:[\s:：、.．]+|$)(?!所示)",
        r"[△▲▼▽↑↓←→◀▶]",
        r"[（(【]?(?:资料图|示意图|效果图|数据来源|制图|供图|摄影|图表)(?:片)?(?:[\s:：]|[）)】]|$)",
    )
)
_CAPTION_ENDS = re.compile(
    rf"(?:[）)\s。/／:：]|记者|通讯员){_NAME}\s*(?:摄影|摄|制图|供图|绘)[）)]?$"
    rf"|^{_NAME}\s*(?:摄|绘|供图|制图)$"
    r"|[（(][^（）()]{0,40}(?:摄影?|供图|制图|绘|资料图片?|资料片|视觉中国|图片?来源.{0,12}|新华社发)[）)]$"
    r"|[\s　](?:资料图片?|资料片|供图)$"
)
_CREDIT = re.compile(
    r"[（(]?(?:[\u4e00-\u9fff]{0,8}(?:记者|通讯员|社发)[\s　:：]*)?[（(]?"
    rf"(?:{_NAME}\s*(?:摄影|摄|制图|供图|绘)|(?:摄影|摄|供图|制图)[\s:：/／]+{_NAME})[）)]{{0,2}}$"
)
_LONG_CAPTION = 160  # characters; the longest caption of a newspaper page is two or three sentences

_DAY = r"\s*[\d一二三四五六七八九十]{1,3}\s*"
_DATE = rf"(?:\d{{4}}|[二一○〇零OＯ][〇○零OＯ\u4e00-\u9fff]{{3}})\s*年{_DAY}月{_DAY}日"
_WEEKDAY = r"(?:星期|周)[一二三四五六日天]"
DATE_LINE = re.compile(rf"[（(]?(?:发布(?:时间|日期)[:：]?)?\s*{_DATE}\s*(?:{_WEEKDAY})?[）)]?$")
_PAGE_NUMBER = re.compile(
    r"[-—–－·•.\s]*\d{1,4}[-—–－·•.\s]*$|[-—–－\s]*第\s*[\d一二三四五六七八九十百]{1,4}\s*页(?:[\s,，/共]*[\d\s]*页?)?[-—–－\s]*$"
    r"|\d{1,4}\s*/\s*\d{1,4}$|(?i:page\s*\d+(?:\s*of\s*\d+)?)$"
)
_SEPARATOR = re.compile(r"[\s\-—–_=*＊·•.~～#+|:…─━═]{3,}$|[*＊◆◇★☆]{1,}(?:\s*[*＊◆◇★☆])*$")
_FURNITURE = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:[A-Z]?\d{1,2}|第\s*[A-Z]?[\d一二三四五六七八九十]{1,3})\s*版(?:$|[\s:：·|/].{0,30}$)",
        r".{0,20}[\s　|·](?:[A-Z]?\d{1,2}|第\s*[\d一二三四五六七八九十]{1,3})\s*版$",
        r"[（(]?(?:上接|下转|紧接|转|接)\s*第?.{0,12}版.{0,12}[）)]?$",
        r"(?:【?纠错】)?[（(【]?(?:责任?编辑?|本版(?:责编|编辑|主编)|值班(?:主任|编辑)|编辑|主编|校对|美编|美术编辑|版式|审核|审校|监制|统筹|策划|排版"
        r"|组版|检校|设计|图编|实习生)\s*(?:[:：/／|]|\s|　).{1,50}$",
        r"(?:版权|著作权|转载|免责|特别)(?:所有|声明)?.{0,4}[:：].{0,80}$|(?:版权所有|未经授权|未经许可|©|Copyright).{0,100}$",
        r"(?:国内统一(?:连续出版物|刊)|国际标准(?:连续|刊|书)|邮发代号|ISSN|CN\s?\d|总第|今日\s*\d+\s*版|零售价|定价).{0,60}$",
        r".{0,20}(?:热线|电话|传真|邮箱|电子邮箱|E-?mail|邮编|邮政编码|网址|地址|联系人|联系方式|微信公众号|备案号|投稿)[）)]?\s*[:：].{0,80}$",
        r"(?:https?://|www\.)[!-~]+$|\S+@\S+\.\w+$|.{0,20}ICP备.{0,30}$",
        r"(?:索\s*引\s*号|有\s*效\s*性|文\s*号|原\s*标\s*题|主题分类|主题词|发文机关|发文机构|发布机构|发文字号|发文日期|成文日期|发布日期|发布时间|公开日期|生效日期|浏览次数"
        r"|阅读次数|点击数?|字号|信息分类|公开类别|名\s*称|标\s*题|抄送|抄报|主送|分送|密级|紧急程度|签发人|会签)\s*[:：]",
        r"(?:关键词|关键字|中图分类号|文献标识码|文章编号|基金项目|作者简介|收稿日期)\s*[:：].{1,100}$",
        r"(?:今日|本期|要闻|版面)?导读$|扫一?扫.{2,4}(?:打开|查看|分享|阅读)(?:当前|本)页面?$|.{1,60}\.(?:docx?|xlsx?|pdf|wps|ofd|zip|rar)$",
        r"(?:首页|当前位置|您(?:现在)?(?:的|所在)位置|您当前的位置|返回顶部|上一[篇页条]|下一[篇页条]|相关(?:链接|阅读|新闻|稿件|文章)|扫一?扫|分享(?:到|至)?"
        r"|打印|关闭(?:窗口)?|【?字体|收藏|点赞|评论|点击查看|阅读原文|加载更多|更多)(?:$|[\s:：>»】|/,，（(].{0,80}$)",
        r".{0,30}\d\s*日\s*印发$",
        r"[（(](?:此件|本文|此文).{0,30}[）)]$|[（(](?:完|本文完|未完待续|全文完)[）)]$",
        r"(?:特急|加急|平急|机密|秘密|绝密|内部资料)(?:[★\s].{0,12})?$",
        r"(?:点击|长按|扫描|识别)(?:上方|下方|左下角|右下角)?.{0,10}(?:蓝字|二维码|关注|阅读原文|名片).{0,20}$|往期(?:推荐|回顾|精选).{0,20}$",
        r"(?:微信|微博|新浪微博|腾讯微博|QQ空间|QQ|朋友圈|复制链接|打印本页|登录|注册|搜索|网站地图|联系我们|关于我们|设为首页|加入收藏|无障碍浏览"
        r"|长者模式|手机版|返回首页|简体|繁体|English|站内搜索)$",
        r"(?:点个?)?(?:赞|在看|分享|转发)(?:[\s、/·|]+(?:点赞|赞|在看|分享|收藏|转发))*$",
        r"(?:会议|发布|活动|举办|采访|直播|讲座|访谈)?(?:时间|地点)\s*[:：][^。！？；]{1,40}$",
        r"(?:主持人?|发布人|发言人|(?:对话|访谈)?嘉宾|主讲人?|受访(?:者|人|嘉宾)|采访(?:者|人)|(?:出席|列席|参会|与会)(?:人员|单位|领导)|缺席|记录人?"
        r"|(?:主办|承办|协办|支持|指导)(?:单位|方))\s*[:：][^。！？；，]{1,60}$",
        rf"{_DATE}.{{0,12}}{_WEEKDAY}.{{0,30}}$",
        r"[（(]?(?:单位|计量单位)[:：]\s*\S{1,12}[）)]?$",
        r"\*{0,2}(?:(?:注|备注|资料来源|数据来源)\*{0,2}[:：].{1,60}|说明\*{0,2}[:：].{1,30})$",
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:\s+\d{1,2}:\d{2}(?::\d{2})?)?(?:\s.{0,30})?$",
    )
)
# 国办发〔2023〕12号 and its variants (GB/T 9704-2012, 7.2.5), with or without a signer.
DOCUMENT_NUMBER = re.compile(
    r"[（(]?[\u4e00-\u9fffA-Za-z]{0,16}\s*[〔\[［【（(]\s*\d{4}\s*[〕\]］】）)]\s*第?\s*\d{1,5}\s*号[）)]?(?:\s*签发人.{0,20})?$"
    r"|(?:[\u4e00-\u9fff]{2,20}(?:令|公告))?\s*[（(]?(?:\d{4}\s*年)?\s*第\s*[\d一二三四五六七八九十百○〇]{1,6}\s*号[）)]?$"
)
ADOPTION_NOTE = re.compile(
    rf"[（(]\s*{_DATE}.*[）)]$"
    rf"|[—\-]{{0,4}}\s*{_DATE}\s*(?:在|于|经|由)?.{{2,60}}(?:会议?上?|大会上?|通过|公布|发布|施行|批准)$",
    re.DOTALL,
)
_SALUTE_WORDS = r"(?:各位|同志们|朋友们|代表们|委员们|女士们|先生们|来宾们|同学们|乡亲们|战友们)"
_SALUTATION = re.compile(
    rf"(?:尊敬的.{{0,20}})?{_SALUTE_WORDS}[^。；]{{0,40}}[：:！!]$|^尊敬的[^。；，]{{2,30}}[：:！!]$"
    # A deputy whose proposal is answered: 岑予安代表：
    r"|^[\u4e00-\u9fff·]{2,6}(?:代表|委员)[：:]$"
)
_ADDRESSEES = re.compile(
    r"(?:^各[^。；]*|(?:人民政府|委员会|办公厅|办公室|[局厅部委院]|单位|企业|公司|集团|部门|机构|银行|学校|协会)[）)]?)[：:]$"
)
AGENCY = re.compile(
    r"[\u4e00-\u9fff（）()\s　]{2,}(?:人民政府|政府|办公厅|办公室|委员会|人民代表大会|法院|检察院|公司"
    r"|集团|协会|学会|研究院|银行|大学|中心|领导小组|指挥部|[局厅部委办院署会])$"
)
ATTACHMENT = re.compile(
    r"附\s*[件表录图]?\s*(?:下载)?\s*[\d一二三四五六七八九十]{0,3}\s*(?:[:：].*)?$|附件\s*\d*[.．].*$"
)
_CELL_BREAK = re.compile(r"\s*\|\s*|\t+|[ \u3000]{2,}|\u3000(?=\d)")


def line_kind(text: str) -> Kind | None:
    """The kind that a line shows by itself; None where only its neighbours can tell.

    Args:
        text: The line without surrounding white space and without `**` marks.
    """
    if _is_page_furniture(text):
        return "furniture"
    if is_caption(text):
        return "caption"
    if is_byline(text):
        return "byline"
    if is_table_row(text):
        return "furniture"
    return None


def is_page_number(text: str) -> bool:
    """Whether a line is a page number and nothing else."""
    return len(text) <= 24 and bool(_PAGE_NUMBER.match(text))


def _is_page_furniture(text: str) -> bool:
    if len(text) > 120 or (len(text) > 60 and has_inner_end(text)):
        return False
    if is_page_number(text) or _SEPARATOR.match(text) or DATE_LINE.match(text):
        return True
    if DOCUMENT_NUMBER.match(text) or _SALUTATION.match(text):
        return True
    return any(pattern.match(text) for pattern in _FURNITURE)


def is_byline(text: str) -> bool:
    """Whether a line names who wrote or supplied the text."""
    if len(text) > 60 or (ends_sentence(text) and not text.endswith(("）", ")"))):
        return False
    if text[0] in "（(" and text[-1] in "）)" and is_name(text[1:-1]):
        return True
    return any(pattern.match(text) for pattern in _BYLINES)


def is_dateline(text: str) -> bool:
    """Whether a text begins with the place and day of a dispatch (本报滨河6月17日电)."""
    return bool(_DATELINE.match(text))


def is_caption(text: str) -> bool:
    """Whether a line is the caption or the credit of a picture."""
    if len(text) > _LONG_CAPTION:
        return False
    if len(text) <= 90 and _CAPTION_ENDS.search(text):
        return True
    return any(pattern.match(text) for pattern in _CAPTIONS)


def is_credit(text: str) -> bool:
    """Whether a line says who took or drew a picture and nothing else."""
    return len(text) <= 30 and bool(_CREDIT.match(text))


def is_addressees(text: str) -> bool:
    """Whether a line lists the agencies that an official letter is sent to (主送机关)."""
    return len(text) <= 200 and "。" not in text and bool(_ADDRESSEES.search(text))


def is_table_row(text: str) -> bool:
    """Whether a line is a row of a table: several short cells apart from each other."""
    if ends_sentence(text) or has_inner_end(text):
        return False
    if text.startswith("|") and text.endswith("|") and len(text) > 2:
        return True
    cells = [cell for cell in _CELL_BREAK.split(text) if cell]
    if len(cells) < 2 or sum(map(len, cells)) / len(cells) > 14:
        return False
    if len(cells) == 2 and parse_numbering(text):
        return False
    numeric = sum(any(char.isdigit() for char in cell) for cell in cells)
    # Two words far apart may be a spaced title (通　　知); two single characters always are.
    return (len(cells) >= 3 and max(map(len, cells)) > 1) or (numeric >= 1 and len(cells[0]) > 1)
