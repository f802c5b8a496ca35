"""Every command that the documentation shows runs, and what it prints is what the pages say.

Each page is one session in a fresh folder, from its first block to its last. A ```console block holds
commands after `$ ` with their output, which must be exact; a last line `…` stands for all that follows. The
commands of a ```bash block must succeed; a ```python block that a ```text block follows must print that.

    POLICYLENS_DOCS=update pytest tests/docs/test_docs.py

writes the output of this version into the pages instead of comparing.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_CALLS = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [
    *(name for name in _CALLS if (ROOT / name).exists()),
    *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").rglob("*.md"))),
]
_TIMEOUT_S = 600
_UPDATE = os.environ.get("POLICYLENS_DOCS") == "update"

# Set-up: it changes the machine or runs these very tests. CI does all of it another way.
SET_UP = ("pip install", "pip download", "python3 -m venv", "make ", "git clone")

# What cannot run here, by page and beginning of the command, with the reason. The page must say so: by
# "not run" (未运行) in a comment on the line, or in the paragraph above the block.
_HOURS, _GPU, _CLUSTER = "takes an hour or more", "needs a GPU", "needs a cluster of machines"
_LANGUAGE_MODEL = "needs a language model of gigabytes or a server with one"
_THESE_TESTS = "would run these very tests"
NOT_RUN: dict[tuple[str, str], str] = {
    ("CONTRIBUTING.md", "POLICYLENS_DOCS=update"): _THESE_TESTS,
    ("CONTRIBUTING.md", "mkdocs build"): _THESE_TESTS,
    ("docs/gpu.md", "policylens classify archive/ --device cuda"): _GPU,
    ("docs/gpu.md", "policylens evaluate --data test.jsonl --device cuda"): _GPU,
    ("docs/labels.md", "policylens labels rebuild"): "needs texts that are not ours to ship",
    ("docs/performance.md", "python benchmarks/speed.py"): _HOURS,
    ("docs/performance.md", "python benchmarks/engines.py"): _HOURS,
    ("docs/rewrite.md", "policylens summarize papers/ --rewrite"): _LANGUAGE_MODEL,
    ("docs/scale.md", "ray start"): _CLUSTER,
    ("docs/scale.md", "policylens classify archive/ --engine ray --ray-address"): _CLUSTER,
    ("docs/training.md", "python benchmarks/digest.py"): _HOURS,
}

# Added to commands that would take hours, so that they take seconds.
QUICK = {
    "policylens train --data": "--config quick.toml",
    "policylens train --teacher": "--layers 1 --config quick.toml",
}
_MARK = re.compile(r"not run|未运行", re.I)
_FENCE = re.compile(r"^```(console|bash|python|text)\n(.*?)^```$", re.S | re.M)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: console, bash, python or text.
        text: What stands between the fences.
        start, end: Offsets of `text` in the page.
        above: The paragraph before it.
    """

    language: str
    text: str
    start: int
    end: int
    above: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a block.

    Attributes:
        text: As bash gets it, continuation lines and here-documents included.
        shown: Its output on the page; None where the page shows none.
        marked: Whether the page says that it is not run.
    """

    text: str
    shown: str | None
    marked: bool


def blocks_of(page: str) -> list[Block]:
    found = []
    for match in _FENCE.finditer(page):
        above = page[: match.start()].rstrip().rpartition("\n\n")[2]
        found.append(Block(match[1], match[2], match.start(2), match.end(2), above))
    return found


def commands_of(block: Block) -> list[Command]:
    marked = bool(_MARK.search(block.above)) and not block.above.startswith(("```", "|"))
    if block.language == "console":
        parts = re.split(r"^\$ ", block.text, flags=re.M)[1:]
        split = (part.partition("\n") for part in map(_joined, parts))
        return [Command(command, shown, marked) for command, _, shown in split]
    return [Command(text, None, marked or bool(_MARK.search(text))) for text in _bash_commands(block.text)]


def _joined(text: str) -> str:
    return re.sub(r"\\\n\s*", "", text)


def _bash_commands(text: str) -> Iterator[str]:
    lines = iter(_joined(text).splitlines())
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        here = re.search(r"<<'(\w+)'$", line)
        if here:
            body = [line]
            for more in lines:
                body.append(more)
                if more == here[1]:
                    break
            line = "\n".join(body)
        yield line


def reason_not_to_run(page: str, command: str) -> str | None:
    for (of_page, beginning), reason in NOT_RUN.items():
        if of_page == page and command.startswith(beginning):
            return reason
    return None


def is_set_up(command: str) -> bool:
    return command.startswith(SET_UP)


def run(command: str, folder: Path) -> str:
    """Standard output of a command; fails the test where it does not succeed."""
    for beginning, more in QUICK.items():
        if command.startswith(beginning) and "--mode" not in command:
            command = f"{command.partition('  #')[0]} {more}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, (
        f"{command}\nexit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def matches(shown: str, printed: str) -> bool:
    if _is_cut(shown):
        return printed.startswith(shown.removesuffix("…\n"))
    return shown == printed


def _is_cut(shown: str) -> bool:
    """Whether the page leaves the rest out; a page that shows nothing at all shows no output."""
    return shown.endswith("\n…\n")


def renewed(shown: str, printed: str) -> str:
    """The output to show instead, as many lines of it as before where the rest is left out."""
    if not _is_cut(shown):
        return printed
    return "".join(printed.splitlines(keepends=True)[: shown.count("\n") - 1]) + "…\n"


class Session:
    """Runs the blocks of one page, one after the other, and collects what has changed."""

    def __init__(self, name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.name, self.folder, self._capsys = name, folder, capsys
        self.text = (ROOT / name).read_text(encoding="utf-8")
        self._names: dict[str, Any] = {}
        self._changes: list[tuple[str, str, str]] = []

    def run(self) -> None:
        blocks = blocks_of(self.text)
        for at, block in enumerate(blocks):
            if block.language in ("console", "bash"):
                for command in commands_of(block):
                    self._command(command)
            elif block.language == "python":
                follows = blocks[at + 1] if at + 1 < len(blocks) else None
                near = follows is not None and self.text[block.end : follows.start].strip("`\n") == "text"
                self._python(block, follows if near else None)

    def finish(self) -> None:
        if _UPDATE:
            text = (ROOT / self.name).read_text(encoding="utf-8")
            for command, shown, printed in self._changes:
                text = text.replace(command + shown, command + printed, 1)
            (ROOT / self.name).write_text(text, encoding="utf-8")
        else:
            assert [(shown, printed) for _, shown, printed in self._changes] == []

    def _command(self, command: Command) -> None:
        if is_set_up(command.text) or reason_not_to_run(self.name, command.text):
            return
        printed = run(command.text, self.folder)
        if command.shown is not None and not matches(command.shown, printed):
            lead = f"$ {command.text}\n"
            assert lead in self.text, f"a command with its output stands on one line: {command.text}"
            self._changes.append((lead, command.shown, renewed(command.shown, printed)))

    def _python(self, block: Block, shown: Block | None) -> None:
        self._capsys.readouterr()
        exec(block.text, self._names)
        printed = self._capsys.readouterr().out
        if shown is not None and not matches(shown.text, printed):
            lead = block.text + self.text[block.end : shown.start]
            self._changes.append((lead, shown.text, renewed(shown.text, printed)))


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_commands_of_the_page_run_and_print_what_it_shows(
    name: str, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(name, world, capsys)
    if not any(block.language != "text" for block in blocks_of(session.text)):
        pytest.skip("a page without commands")
    session.run()
    session.finish()


@pytest.mark.parametrize("name", PAGES)
def test_page_says_which_commands_are_not_run(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for block in blocks_of(text):
        if block.language not in ("console", "bash"):
            continue
        for command in commands_of(block):
            if is_set_up(command.text):
                continue
            listed = reason_not_to_run(name, command.text) is not None
            assert command.marked == listed, (
                f"{name}: listed {listed}, marked {command.marked}: {command.text}"
            )


def test_every_block_is_found() -> None:
    for name in PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        fences = re.findall(r"^\s*```(?:console|bash|python|sh|shell)\s*$", text, re.M)
        assert len(fences) == sum(block.language != "text" for block in blocks_of(text)), name


def test_listed_commands_stand_on_their_pages() -> None:
    for name, beginning in NOT_RUN:
        blocks = blocks_of((ROOT / name).read_text(encoding="utf-8"))
        shown = [command.text for block in blocks for command in commands_of(block)]
        assert any(text.startswith(beginning) for text in shown), (name, beginning)


def test_a_wrong_output_is_found(tmp_path: Path) -> None:
    page = "```console\n$ echo one\ntwo\n$ seq 3\n1\n…\n$ seq 3\n…\n```\n"
    wrong, cut, empty = commands_of(blocks_of(page)[0])
    assert not matches(wrong.shown or "", run(wrong.text, tmp_path))
    assert matches(cut.shown or "", run(cut.text, tmp_path))
    assert not matches(empty.shown or "", run(empty.text, tmp_path))
    with pytest.raises(AssertionError, match="exit code 3"):
        run("exit 3", tmp_path)
