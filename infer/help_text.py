"""Help pages: in the user's language, and laid out for characters that are two columns wide."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from policylens.infer.messages import text, translated

# What may not begin a line of Chinese text, and what may not end one.
_NOT_FIRST = "，。；：、！？）》」』”’…—,.;:!?)]%"
_NOT_LAST = "（《「『“‘(["
# A run of Latin text, or one wide character, with the blanks after it.
_PIECE = re.compile(r"[^\s\u2e80-\u9fff\uff00-\uffef\u2018-\u201d\u2026]+\s*|\S\s*|\s+")
_Formatter: Any = typer.Context.formatter_class


def localise(command: Any) -> None:  # noqa: ANN401 - typer carries its own click
    """Put a command's help, and that of the commands below it, into the user's language, in place."""
    command.context_class = HelpContext
    command.help = "\n\n".join(_paragraphs(command.help or ""))
    command.short_help = first_sentence(command.help)
    command.add_help_option = True
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = text(" ".join(parameter.help.split()))
    for child in getattr(command, "commands", {}).values():
        localise(child)


def help_sentences(command: Any) -> Iterator[str]:  # noqa: ANN401 - typer carries its own click
    """The sentences that `localise` looks up."""
    for paragraph in _split(command.help or ""):
        yield paragraph.split("\n")[1] if paragraph.startswith("\b") else paragraph
    for parameter in command.params:
        if getattr(parameter, "help", None):
            yield " ".join(parameter.help.split())
    for child in getattr(command, "commands", {}).values():
        yield from help_sentences(child)


def first_sentence(help_text: str) -> str:
    """What a list of commands says of one of them."""
    found = re.match(r".*?(?:。|\.(?=\s|$)|$)", help_text.split("\n\n")[0])
    return found[0] if found else ""


class _HelpFormatter(_Formatter):  # type: ignore[misc]
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The usage line, e.g. "Usage: policylens classify [OPTIONS] INPUT..."."""
        args = re.sub(r"\{(\w+)\}", r"\1", args).replace("[[", "[").replace("]]", "]")
        super().write_usage(prog, args, prefix=text("Usage: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """E.g. "Options:"."""
        self.write(f"{'':>{self.current_indent}}{text(f'{heading}:')}\n")

    def write_text(self, text: str) -> None:
        """Paragraphs, each wrapped; one that begins with a backspace stays as it is."""
        indent = " " * self.current_indent
        blocks = []
        for block in _split(text):
            lines = (
                block.split("\n")[1:] if block.startswith("\b") else _wrap(block, self.width - len(indent))
            )
            blocks.append("\n".join(indent + line for line in lines))
        self.write("\n\n".join(blocks) + "\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Two columns: options, arguments or commands, and what they are."""
        named = [(_plain_name(name), _extras(help_text)) for name, help_text in rows]
        first = min(max(len(name) for name, _ in named), col_max) + col_spacing
        indent = " " * self.current_indent
        for name, help_text in named:
            lines = _wrap(help_text, max(self.width - first - 2, 10)) or [""]
            if len(name) > first - col_spacing:
                self.write(f"{indent}{name}\n")
                name = ""
            self.write(f"{indent}{name:<{first}}{lines[0]}".rstrip() + "\n")
            for line in lines[1:]:
                self.write(f"{indent}{'':<{first}}{line}\n")


class HelpContext(typer.Context):
    """A context whose help pages come from our formatter."""

    formatter_class = _HelpFormatter


def _split(help_text: str) -> list[str]:
    """Paragraphs on one line each; those with a backspace keep their lines."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(help_text)) if help_text else []
    return [p if p.startswith("\b") else " ".join(p.split()) for p in paragraphs]


def _paragraphs(help_text: str) -> Iterator[str]:
    for paragraph in _split(help_text):
        if paragraph.startswith("\b"):
            mark, heading, *lines = paragraph.split("\n")
            yield "\n".join([mark, text(heading), *lines])
        else:
            yield text(paragraph)


def _plain_name(name: str) -> str:
    """Without the Python type, which `INPUT <list[str]>` shows beside the metavar; choices stay."""
    return re.sub(r" <[^|>]*>?$", "", re.sub(r"^\{(\w+)\}", r"\1", name))


def _extras(help_text: str) -> str:
    """A help text whose remark in brackets at the end, e.g. "[default: auto]", is in the user's language."""
    help_text = text(help_text)
    found = re.fullmatch(r"(.*?)(\s*)\[([^][]*)\]", help_text, re.DOTALL)
    if not found:
        return help_text
    remarks = [translated(remark) for remark in found[3].split("; ")]
    return f"{found[1]}{found[2]}[{'; '.join(remarks)}]"


def _width(piece: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in piece)


def _wrap(paragraph: str, width: int) -> list[str]:
    """Lines of at most `width` columns; breaks at blanks and between Chinese characters."""
    lines, line = [], ""
    for piece in _unbreakable(paragraph):
        if line and _width(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _unbreakable(paragraph: str) -> list[str]:
    """Pieces between which a line may end."""
    pieces: list[str] = []
    for piece in _PIECE.findall(paragraph):
        joined = pieces and (piece[0] in _NOT_FIRST or pieces[-1][-1] in _NOT_LAST)
        if joined and not pieces[-1][-1].isspace():
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces
