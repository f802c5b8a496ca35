import pytest
from hypothesis import given
from hypothesis import strategies as st

from policylens.data.sentences import is_balanced, split_clauses, split_list_items, split_sentences

MARKS = '。！？!?…，；：,;:“”‘’（）()《》"、.0129a/ 一二是要第甲乙说\n'
TEXT = st.text(alphabet=MARKS, max_size=60)


def cut(text, spans):
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("没有句号", ["没有句号"]),
        ("全年增长3.5%。明年力争4%。", ["全年增长3.5%。", "明年力争4%。"]),
        ("好！真好？！走。", ["好！", "真好？！", "走。"]),
        ("详见http://a.cn/x?b=1&c=2。请查收。", ["详见http://a.cn/x?b=1&c=2。", "请查收。"]),
        ("行吗?行!走。", ["行吗?", "行!", "走。"]),
        ("印发《工作。规则》的通知。已公布。", ["印发《工作。规则》的通知。", "已公布。"]),
        ("办法（一。试行）自发布之日起施行。第二句。", ["办法（一。试行）自发布之日起施行。", "第二句。"]),
        ("完成任务。（省发改委负责）", ["完成任务。", "（省发改委负责）"]),
        ("过去……现在好了。", ["过去……", "现在好了。"]),
        ("包括钢铁、石化……，都要改。", ["包括钢铁、石化……，都要改。"]),
        ("The U.S. grew by 3.5 percent。好。", ["The U.S. grew by 3.5 percent。", "好。"]),
        ("产能１。５万吨。达产。", ["产能１。５万吨。", "达产。"]),
        ("甲。 \n乙。", ["甲。 \n", "乙。"]),
    ],
)
def test_sentences_end_at_end_marks_only(text, sentences):
    assert cut(text, split_sentences(text)) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("王芳说：“要改。马上改！”李强点头。", ["王芳说：“要改。马上改！”", "李强点头。"]),
        (
            "“要改。马上改。”王芳表示，条件已经具备。下一步看落实。",
            ["“要改。马上改。”王芳表示，条件已经具备。", "下一步看落实。"],
        ),
        ("“要改。”大家都笑了。", ["“要改。”", "大家都笑了。"]),
        ("“先试点。”王芳说，“再推广。”会议结束。", ["“先试点。”王芳说，“再推广。”", "会议结束。"]),
        ("落实“稳。进。”，不松劲。好。", ["落实“稳。进。”，不松劲。", "好。"]),
        ("王芳说：“他讲‘要改。’”李强点头。", ["王芳说：“他讲‘要改。’”", "李强点头。"]),
    ],
)
def test_quotation_stays_with_its_speaker(text, sentences):
    assert cut(text, split_sentences(text)) == sentences


def test_stray_quotation_mark_does_not_swallow_the_paragraph():
    text = "“推进改革。扩大开放。稳住就业。"
    assert cut(text, split_sentences(text)) == ["“推进改革。", "扩大开放。", "稳住就业。"]


@given(TEXT)
def test_sentences_concatenate_to_the_text(text):
    assert "".join(cut(text, split_sentences(text))) == text


@given(TEXT)
def test_sentences_of_a_balanced_text_are_balanced(text):
    if is_balanced(text):
        assert all(is_balanced(sentence) for sentence in cut(text, split_sentences(text)))


@given(TEXT)
def test_clauses_concatenate_to_the_text(text):
    assert "".join(cut(text, split_clauses(text))) == text


@given(TEXT)
def test_list_parts_concatenate_to_the_text(text):
    lead, items = split_list_items(text)
    assert "".join(cut(text, [lead, *items])) == text


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        (
            "到明年，建成1,000家工厂；10:30开会：讨论。",
            ["到明年，", "建成1,000家工厂；", "10:30开会：", "讨论。"],
        ),
        ("落实《甲，乙》，用好“丙，丁”政策。", ["落实《甲，乙》，", "用好“丙，丁”政策。"]),
        ("农户达７，５００万户，增长快。", ["农户达７，５００万户，", "增长快。"]),
        ("见http://a.cn/b，已发。", ["见http://a.cn/b，", "已发。"]),
    ],
)
def test_clauses_end_at_marks_outside_brackets_and_numbers(text, clauses):
    assert cut(text, split_clauses(text)) == clauses


@pytest.mark.parametrize(
    ("text", "lead", "items"),
    [
        (
            "要抓三件事：一是稳就业；二是促消费，扩投资；三是防风险。",
            "要抓三件事：",
            ["一是稳就业；", "二是促消费，扩投资；", "三是防风险。"],
        ),
        ("会议要求，一要抓粮食。二要抓能源。", "会议要求，", ["一要抓粮食。", "二要抓能源。"]),
        ("第一，稳。第二，进。", "", ["第一，稳。", "第二，进。"]),
        ("包括：（1）甲；（2）乙。", "包括：", ["（1）甲；", "（2）乙。"]),
        ("①甲；②乙；③丙。", "", ["①甲；", "②乙；", "③丙。"]),
        ("首先，摸底。其次，改造。最后，验收。", "", ["首先，摸底。", "其次，改造。", "最后，验收。"]),
        ("一是稳就业。", "一是稳就业。", []),
        ("统一是目标；二是手段。", "统一是目标；二是手段。", []),
        ("他说“一是甲；二是乙”。", "他说“一是甲；二是乙”。", []),
    ],
)
def test_lists_count_from_one(text, lead, items):
    parts = split_list_items(text)
    assert text[slice(*parts.lead)] == lead
    assert cut(text, parts.items) == items
