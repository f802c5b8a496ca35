from __future__ import annotations

import pytest

from policylens.data.records import Amount
from policylens.infer.figures.amounts import read_amount
from policylens.infer.figures.periods import period_before


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("74137", "亿元", Amount(74137, 74137, "亿元")),
        ("10", "万亿元", Amount(100000, 100000, "亿元")),
        ("500", "万元", Amount(0.05, 0.05, "亿元")),
        ("1,250.5", "万美元", Amount(0.12505, 0.12505, "亿美元")),
        ("500", "元/人", Amount(500, 500, "元/人")),
        ("1.5万", "个", Amount(15000, 15000, "个")),
        ("200多万", "台（套）", Amount(2e6, 2e6, "台（套）", approximate=True)),
        ("3", "亿多元", Amount(3, 3, "亿元", approximate=True)),
        ("２．９", "％", Amount(2.9, 2.9, "%")),
        ("3.2", "个百分点", Amount(3.2, 3.2, "百分点")),
        ("5%—6", "%", Amount(5, 6, "%")),
        ("2—3万", "人", Amount(20000, 30000, "人")),
        ("三成", "", Amount(30, 30, "%")),
        ("四分之一", "", Amount(25, 25, "%")),
        ("百分之六点五", "", Amount(6.5, 6.5, "%")),
        ("两百多", "家", Amount(200, 200, "家", approximate=True)),
        ("一千二百", "人", Amount(1200, 1200, "人")),
        ("万余", "家", Amount(10000, 10000, "家", approximate=True)),
        ("数百", "家", None),
        ("上万", "人", None),
    ],
)
def test_read_amount(value, unit, expected):
    assert read_amount(value, unit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024年1—10月，信息技术服务收入※", "2024年1—10月"),
        ("截至11月末，5G基站总数达※", "截至11月末"),
        ("2023年收入增长3%；2024年收入增长※", "2024年"),
        ("到2028年，关键工序数控化率达到※", "到2028年"),
        ("能耗比2020年下降※", ""),
        ("2024年收入增长3%。另有企业※", ""),
        ("2024年，收入增长3%。其中，软件收入增长※", "2024年"),
        ("落实《2030年前行动方案》，建成※", ""),
    ],
)
def test_period_of_a_number(text, expected):
    assert period_before(text, text.index("※")) == expected
