"""The time of a number whose own sentence names none."""

import pytest

from policylens.infer.figures.periods import period_before


@pytest.mark.parametrize(
    ("text", "number", "period"),
    [
        ("去年，全市工业增长6.1%。出口增长8.4%，其中机电产品增长11%。", "8.4", "去年"),
        ("去年，全市工业增长6.1%。出口增长8.4%，其中机电产品增长11%。", "11", "去年"),
        ("前三季度，全市工业增长7.4%。装备制造业增长12.6%。利润实现186亿元。", "186", "前三季度"),
        ("去年，出口增长8.4%。上半年，进口增长3%。税收增长1%。", "1%", "上半年"),
        ("统计局数据显示，1—10月，服务业收入增长12%。软件收入25亿元，增长8%。", "8%", "1—10月"),
        ("去年，全市出口增长8.4%。力争进口增长10%。", "10", ""),
        ("去年，全市出口增长8.4%。园区现有企业300家。", "300", ""),
        ("全市出口比去年增长8.4%。进口增长3%。", "3%", ""),
        ("去年新建水厂3座，今年出口增长8.4%。进口增长5%。", "5%", ""),
        ("去年，全市出口增长8.4%。这来之不易。进口增长3%。", "3%", ""),
    ],
)
def test_time_carried_from_the_sentence_before(text, number, period):
    assert period_before(text, text.rindex(number)) == period
