"""The command line in Chinese: help, errors and talk change, data does not."""

from __future__ import annotations

import json
import re
import runpy
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from policylens.infer.cli import app
from policylens.infer.help_text import first_sentence, help_sentences
from policylens.infer.messages import Language, use_language
from policylens.infer.streams.progress import Snapshot, tagged_line

TEXT = "各地要推进绿色转型，三年内建成二十家绿色工厂，带动上下游企业一起降碳。\n"
SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "cli_reference.py"


def run(*args: object, locale: str = "C.UTF-8") -> Result:
    return CliRunner().invoke(
        app, [str(arg) for arg in args], prog_name="policylens", env={"LC_ALL": locale, "COLUMNS": "80"}
    )


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    use_language(Language.EN)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "报告.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def command_paths() -> list[tuple[str, ...]]:
    paths = runpy.run_path(str(SCRIPT), run_name="cli_reference")["command_paths"]
    return list(paths(typer.main.get_command(app)))


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


@pytest.mark.parametrize("path", command_paths(), ids=" ".join)
def test_every_help_page_is_chinese_and_fits_a_terminal(path: tuple[str, ...]) -> None:
    result = run("--lang", "zh", *path, "--help")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("用法：policylens")
    # Examples stay on one line, to be copied.
    assert max(width(line) for line in lines if not line.startswith("    policylens")) <= 80
    assert not [line for line in lines if re.match(r"\s*[，。；：、）]", line)]
    page = " ".join(result.stdout.split())
    command = typer.main.get_command(app)
    assert not [sentence for sentence in help_sentences(command) if len(sentence) > 12 and sentence in page]
    assert "Show this message" not in page


def test_the_locale_chooses_unless_lang_is_given(report: Path) -> None:
    assert run("-h", locale="zh_CN.UTF-8").stdout.startswith("用法：")
    assert run("--lang", "en", "-h", locale="zh_CN.UTF-8").stdout.startswith("Usage: ")
    assert run("--lang=zh", "-h").stdout.startswith("用法：")
    # A help page asked for before the language is named is in that language too.
    assert run("-h", "--lang", "zh").stdout.startswith("用法：")
    # The next run in the same program does not inherit it.
    assert run("-h").stdout.startswith("Usage: ")


def test_data_is_the_same_in_both_languages(report: Path) -> None:
    english, chinese = run("reflow", report), run("--lang", "zh", "reflow", report)
    assert english.exit_code == chinese.exit_code == 0
    assert chinese.stdout == english.stdout
    assert json.loads(chinese.stdout)["text"] == TEXT.strip()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("reflow", "nowhere.txt"), "错误：nowhere.txt：不存在；应为文件、文件夹、通配符或 -\n"),
        (("classify", "--foo", "x"), "错误：没有这个选项：--foo"),
        (("evaluate",), "用法：policylens evaluate"),
        (("evaluate", "-o", "x.md"), "错误：缺少选项 '--data'"),
        (("sumarize", "x"), "错误：没有这个命令：'sumarize'"),
        (("reflow", "x", "-q"), "错误：-q 要写在命令之前：policylens -q …\n"),
        (("classify", "x", "--device", "gpu"), "错误：'--device' 的值不对：'gpu' 不在可选范围内"),
        (("summarize", "x", "--themes", "，"), "错误：--themes '，' 中没有主题；应为代码或名称"),
        (("train", "-o", "m"), "错误：--mode finetune 需要已标注的数据：--data FILE\n"),
    ],
)
def test_errors(arguments: tuple[str, ...], expected: str) -> None:
    result = run("--lang", "zh", *arguments)
    assert result.exit_code in (1, 2)
    assert result.stderr.startswith(expected)


def test_english_wrong_calls_say_what_to_do(report: Path) -> None:
    misplaced = run("reflow", report, "-q")
    assert (misplaced.exit_code, misplaced.stderr) == (
        2,
        "error: -q goes before the command: policylens -q …\nsee `policylens reflow --help`\n",
    )
    no_command = run(report)
    assert no_command.exit_code == 2
    assert no_command.stderr.startswith(
        f"error: {report} is no command; to digest it: policylens summarize {report}\n"
    )
    assert run("classify", "--fomat", "csv").stderr.startswith("error: No such option: --fomat")


def test_json_lines_stay_english(report: Path) -> None:
    result = run("--lang", "zh", "--log-json", "reflow", "nowhere.txt")
    first = json.loads(result.stderr.splitlines()[0])
    assert first["message"] == "nowhere.txt: does not exist; expected a file, a folder, a pattern or -"
    assert (first["event"], first["level"]) == ("failure", "error")
    usage = json.loads(run("--lang", "zh", "--log-json", "reflow", "--foo").stderr)
    assert (usage["event"], usage["message"]) == ("usage", "No such option: --foo")


def test_progress_and_closing_line() -> None:
    use_language(Language.ZH)
    assert tagged_line(43, documents=1, seconds=0.81) == "已标注 1 份文件中的 43 个段落，用时 0.8 秒 (53/s)"
    snapshot = Snapshot(12000, 3, 76.0, share=0.5, failures=3)
    assert snapshot.line == "正在标注：12,000 个段落，158/s，3 个失败，已完成 50 %，约剩 1 分 16 秒"


@pytest.mark.parametrize(
    ("help_text", "expected"),
    [
        ("写出摘要。再写别的。", "写出摘要。"),
        ("No stop at all\n\nNext.", "No stop at all"),
        ("Reads v1.2 files. More.", "Reads v1.2 files."),
        ("", ""),
    ],
)
def test_first_sentence(help_text: str, expected: str) -> None:
    assert first_sentence(help_text) == expected
