import pytest

from policylens.infer.digests.sources import source_name


@pytest.mark.parametrize(
    ("doc", "printed"),
    [
        ("2026年吉林省政府工作报告", "吉林"),
        ("宁夏2026年政府工作报告", "宁夏"),
        ("2026年宁夏回族自治区政府工作报告", "宁夏"),
        ("河北省人民政府办公厅关于扶持家禽业发展的实施意见", "河北"),
        ("《河北省数字经济促进条例》", "河北"),
        ("2015年政府工作报告", "2015年政府工作报告："),
        ("1983年中华人民共和国国务院政府工作报告", "1983年政府工作报告："),
        ("2017年中央经济工作会议2017年12月18日-20日", "2017年中央经济工作会议："),
        ("李克强主持召开国务院常务会议部署稳外贸", "国务院常务会议："),
        ("国务院办公厅关于推进农业高新技术产业示范区建设发展的指导意见", "国务院办公厅："),
        ("科技部印发《关于科技创新支撑复工复产若干措施》的通知", "科技部："),
        # A news title mentions a province, but does not speak for it.
        ("李强在浙江调研", ""),
        ("贵州推动算力转化为新质生产力", ""),
        ("Action Plan for Leading Industries", ""),
        ("report", ""),
    ],
)
def test_name_of_a_document(doc, printed):
    assert source_name(doc).printed == printed


def test_the_title_names_a_document_whose_file_does_not():
    assert source_name("file_17", "2026年湖南省政府工作报告").printed == "湖南"
