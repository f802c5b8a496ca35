"""Names of people as they stand alone on a line."""

from __future__ import annotations

import re

from policylens.data.layout.common_words import COMMON_WORDS

# The hundred commonest surnames (85 % of the population, Ministry of Public Security, 2019) and others.
# Surnames that begin many words (高, 方, 金 …) are told by the rest of the name.
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆"
    "范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫阎段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤康易乔文辛岑宗简卓屠季齐左"
    "倪殷施柳俞温庄颜章梅鲁关包葛宁路焦尚祝耿翟游庞岳祁裴童凌管牛"
)
_COMPOUND = ("欧阳", "司马", "上官", "诸葛", "司徒", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐")
_NAME = re.compile(r"[\u4e00-\u9fff][ \u3000]{0,2}[\u4e00-\u9fff](?:[ \u3000]{0,2}[\u4e00-\u9fff]){0,2}$")


def is_name(text: str) -> bool:
    """Whether a text is a Chinese name and nothing else, possibly spaced (卓　岚), and no common word."""
    if not _NAME.match(text):
        return False
    name = re.sub(r"\s+", "", text)
    if name.startswith(_COMPOUND):
        return 3 <= len(name) <= 4
    if name[0] not in _SURNAMES or len(name) > 3:
        return False
    return name[:2] not in COMMON_WORDS and name[1:] not in COMMON_WORDS and name[-1] not in _WORD_ENDS


# Short headings end so, given names do not: 高标准, 文化馆, 金融业, 方法论.
_WORD_ENDS = frozenset("的业化性法论式型度率量力区县镇乡村局厅部院所站馆会则章节条篇录引语话题者们")
