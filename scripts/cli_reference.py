"""Writes `docs/cli.md` and `docs/zh/cli.md` from the help of every command.

Run `python scripts/cli_reference.py` after a command or option was changed; a test fails until then.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from policylens.infer.cli import app

ROOT = Path(__file__).parent.parent
PAGES = {"en": ROOT / "docs" / "cli.md", "zh": ROOT / "docs" / "zh" / "cli.md"}
_HEADS = {
    "en": "# Commands\n\nWhat `--help` says, command by command. Options of the program itself, such as\n"
    "`--lang` and `--quiet`, stand before the name of the command.\n",
    "zh": "# 命令\n\n各命令 `--help` 的内容。程序本身的选项（如 `--lang`、`--quiet`）写在命令名之前。\n",
}
# Help is wrapped to the terminal; this is that of the pages.
_COLUMNS = "80"


def page(language: str) -> str:
    """The reference in one language, as Markdown."""
    parts = [_HEADS[language]]
    for path in command_paths(typer.main.get_command(app)):
        arguments = ["--lang", language, *path, "--help"]
        found = CliRunner().invoke(app, arguments, prog_name="policylens", env={"COLUMNS": _COLUMNS})
        title = " ".join(["policylens", *path])
        parts.append(f"## {title}\n\n```text\n{found.stdout.rstrip()}\n```\n")
    return "\n".join(parts)


def command_paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401
    """The names to call a command by and those below it, parents first."""
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from command_paths(child, (*path, name))


def main() -> int:
    """Write both pages."""
    for language, path in PAGES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(language), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
