"""What the guard lets through and why it refuses the rest."""

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.infer.figures.numerals import plain, read_numbers
from policylens.infer.rewriting.guard import Guard

INVEST = (
    "今年1—9月，全市技改投资增长18.6%，其中设备购置投资增长22.3%；"
    "更新机床和锅炉3400台（套），单位产值能耗下降6.2%。"
)
FACTORY = "厂长陆长庚算了一笔账：改造花掉2900万元，按目前的订单，不到三年就能收回。"
RULE = (
    "根据《工业节能条例》和国发〔2024〕5号文件，滨河市经信局要求自2025年1月1日起，"
    "严禁新建使用淘汰类电机的生产线。"
)
PLAN = "到2028年，全市规模以上工业企业要普遍完成数字化改造，关键工序数控化率达到75%。"


def reasons(extract, text, *more, max_chars=300):
    return {
        problem.reason for problem in Guard(extract, [extract, *more]).problems(text, max_chars=max_chars)
    }


class TestNumerals:
    @pytest.mark.parametrize(
        ("text", "value", "unit", "bound"),
        [
            ("３４００台", 3400, "台", ""),
            ("3,400台", 3400, "台", ""),
            ("三千四百台", 3400, "台", ""),
            ("0.34万台", 3400, "台", ""),
            ("1.5万亿元", 15 * 10**11, "元", ""),
            ("15000亿元", 15 * 10**11, "元", ""),
            ("十二点五亿元", 125 * 10**7, "元", ""),
            ("叁佰万元", 3 * 10**6, "元", ""),
            ("百分之五", 5, "%", ""),
            ("近一成", 10, "%", "below"),
            ("四分之一", 25, "%", ""),
            ("5.2个百分点", Decimal("5.2"), "百分点", ""),
            ("不足二十人", 20, "人", "below"),
            ("240名学生", 240, "人", ""),
            ("900多万次", 9 * 10**6, "次", "above"),
            ("超过900万次", 9 * 10**6, "次", "above"),
            ("四十分钟", 40, "分钟", ""),
            ("第三批", 3, "批", "ordinal"),
            ("٣家", 3, "家", ""),
        ],
    )
    def test_one_quantity(self, text, value, unit, bound):
        (quantity,) = read_numbers(plain(text)).quantities
        assert quantity.key == (value, unit, bound)

    @pytest.mark.parametrize(
        ("text", "dates"),
        [
            ("2024年3月5日", [(2024, 3, 5)]),
            ("二〇二四年三月", [(2024, 3, 0)]),
            ("1—9月", [(0, 1, 0), (0, 9, 0)]),
            ("2021—2025年", [(2021, 0, 0), (2025, 0, 0)]),
            ("5月3日", [(0, 5, 3)]),
        ],
    )
    def test_dates(self, text, dates):
        numbers = read_numbers(plain(text))
        assert sorted((d.year, d.month, d.day) for d in numbers.dates) == dates
        assert not numbers.quantities

    def test_a_range_shares_its_magnitude(self):
        values = {q.value for q in read_numbers(plain("3—5万个")).quantities}
        assert values == {30000, 50000}

    @pytest.mark.parametrize("text", ["统一部署", "进一步加强", "一个平台", "十分重要", "千方百计", "百姓"])
    def test_no_number(self, text):
        assert not read_numbers(plain(text)).quantities

    def test_document_numbers_and_codes(self):
        numbers = read_numbers(plain("按照浙政办发〔2024〕12号建设5G工厂，“十四五”期间"))
        assert numbers.documents == (("浙政办发", 2024, 12),)
        assert numbers.codes == ("5g", "十四五")


class TestAccepts:
    @pytest.mark.parametrize(
        ("extract", "text"),
        [
            (INVEST, INVEST),
            (FACTORY, FACTORY),
            (RULE, RULE),
            (PLAN, PLAN),
            (
                INVEST,
                "今年1—9月全市技改投资增长百分之十八点六，设备购置投资增长22.3％；更新机床和锅炉三千四百台（套），单位产值能耗下降6.2%。",
            ),
            (FACTORY, "厂长陆长庚算账说，改造花掉0.29亿元，按目前订单不到3年就能收回。"),
            (
                RULE,
                "滨河市经信局根据《工业节能条例》和国发〔2024〕5号文件要求，自2025年1月1日起，严禁新建使用淘汰类电机的生产线。",
            ),
            (PLAN, "2028年前后，全市规模以上工业企业要普遍完成数字化改造，关键工序数控化率达到75%。"),
        ],
    )
    def test_a_faithful_rewording(self, extract, text):
        assert list(Guard(extract, [extract]).problems(text, max_chars=300)) == []


class TestRefuses:
    @pytest.mark.parametrize(
        ("extract", "old", "new", "reason"),
        [
            (INVEST, "18.6%", "18.7%", "figure"),
            (INVEST, "18.6%", "18.6个百分点", "figure"),
            (INVEST, "3400台", "3400万台", "figure"),
            (INVEST, "3400台", "三千五百台", "figure"),
            (INVEST, "3400台", "超过3400台", "figure"),
            (INVEST, "下降6.2%", "提高6.2%", "direction"),
            (INVEST, "1—9月", "1—10月", "date"),
            (INVEST, "今年", "去年", "claim"),
            (INVEST, "更新机床", "率先更新机床", "claim"),
            (FACTORY, "陆长庚", "陆长青", "person"),
            (FACTORY, "厂长陆长庚", "厂长", "dropped"),
            (FACTORY, "2900万元", "2900亿元", "figure"),
            (FACTORY, "，按目前的订单，不到三年就能收回", "，按目前的订单很快能收回", "dropped"),
            (RULE, "国发〔2024〕5号", "国发〔2024〕6号", "document_number"),
            (RULE, "国发〔2024〕5号", "浙政发〔2024〕5号", "document_number"),
            (RULE, "《工业节能条例》", "《工业减排条例》", "title"),
            (RULE, "滨河市经信局", "临海市经信局", "organisation"),
            (RULE, "滨河市经信局", "滨河市财政局", "organisation"),
            (RULE, "严禁新建", "新建", "negation"),
            (RULE, "2025年1月1日", "2026年1月1日", "date"),
            (PLAN, "要普遍完成", "已普遍完成", "claim"),
            (PLAN, "数字化改造", "AI改造", "code"),
            (PLAN, "数字化改造", "“数智一体化”改造", "quotation"),
            (PLAN, "。", "。\n以上是改写。", "form"),
            (PLAN, "达到75%", "达到7\u200b5%", "form"),
        ],
    )
    def test_one_change(self, extract, old, new, reason):
        assert extract.count(old) == 1
        assert reason in reasons(extract, extract.replace(old, new))

    def test_figures_that_change_places(self):
        text = INVEST.replace("18.6", "X").replace("22.3", "18.6").replace("X", "22.3")
        assert "moved" in reasons(INVEST, text)

    def test_an_invented_organisation_whose_end_is_known(self):
        extract = "松岭机械厂今年以来更新机床和锅炉，单位产值能耗明显下降，职工收入稳步提高。"
        assert "organisation" in reasons(extract, extract.replace("松岭", "东岭"))

    def test_too_long(self):
        assert reasons(PLAN, PLAN, max_chars=len(PLAN) - 1) == {"length"}

    def test_a_comment_of_the_model_itself(self):
        assert reasons(PLAN, PLAN.replace("。", "，令人振奋。")) == {"similarity"}

    def test_about_something_else(self):
        other = "各地积极培育专精特新企业，完善公共服务体系，推动产业集群协同发展，营造良好环境。"
        assert "similarity" in reasons("各级党委和政府持续加强基层治理，健全为民办事长效机制。", other)

    @pytest.mark.parametrize(
        "text", ["", "。", "好的，以下是改写后的句子。", "\x00\x01", "<script>alert(1)</script>"]
    )
    def test_garbage(self, text):
        assert reasons(PLAN, text)


# Ways of writing a number that stands in no source below.
NUMBERS = st.integers(11, 10**7).filter(lambda n: n not in (18, 22, 3400, 2900, 2024, 2025, 2028, 75))
FORMS = st.sampled_from(
    ["{}家", "{}%", "{}亿元", "{}万人", "超过{}台", "{}个百分点", "第{}批", "{}年", "{}倍", "{}", "A{}"]
)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
WRITE = st.sampled_from(
    [
        str,
        lambda n: f"{n:,}",
        lambda n: str(n).translate(FULL_WIDTH),
        lambda n: f"{n}.5",
        lambda n: in_chinese(n),
    ]
)


def in_chinese(number):
    """A number in Chinese numerals, by a way of its own: 10203 -> 一万〇二百〇三."""
    digits, words = "〇一二三四五六七八九", ""
    for power, name in ((10**4, "万"), (1000, "千"), (100, "百"), (10, "十"), (1, "")):
        part, number = divmod(number, power)
        if part > 9:
            words += in_chinese(part) + name
        elif part:
            words += digits[part] + name
        elif words and not words.endswith("〇") and number:
            words += "〇"
    return words.rstrip("〇")


@settings(max_examples=60, deadline=None)
@given(
    extract=st.sampled_from([INVEST, FACTORY, RULE, PLAN]),
    number=NUMBERS,
    form=FORMS,
    write=WRITE,
    at=st.floats(0, 1),
)
def test_no_figure_that_the_sources_lack_survives(extract, number, form, write, at):
    """Whatever number is written wherever between two clauses, in whatever numerals, it is seen."""
    places = [match.end() for match in re.finditer("[，：；]", extract)]
    place = places[int(at * (len(places) - 1))]
    text = f"{extract[:place]}涉及{form.format(write(number))}，{extract[place:]}"
    found = reasons(extract, text, max_chars=1000)
    assert found & {"figure", "date", "code"}, text
