"""Brings `infer/translations/zh.po` into step with the code: new sentences get an empty entry, gone ones go.

Run `python scripts/catalogue.py` after a sentence was added or changed, fill in the empty entries that it
lists, and run it again. `--check` writes nothing and fails where it would.

Collected are: the help of all commands; sentences that the command line looks up with `text` or `note`;
what reports and their templates look up likewise, with the columns of their tables; constants of the type
`Sentences`; messages of our errors, log records and findings, whose values become names in braces; what Typer
says of a wrong call.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jinja2
import typer

from policylens.data import errors
from policylens.infer.cli import app
from policylens.infer.help_text import help_sentences
from policylens.infer.messages import read_catalogue

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "infer" / "translations" / "zh.po"
FOLDERS = ("data", "models", "infer", "train")

_ERRORS = {name for name in vars(errors) if name.endswith("Error")}
# What failures of single inputs and records are made with, where messages are kept, and what makes them.
_FAILURES = {"InputFailure", "_BadRecord", "_Refused", "error", "_finding"}
_MESSAGES = {"message", "reason", "fault", "what", "at_least", "remedy", "hint", "problem"}
# Pages whose sentences are looked up as they are rendered; that of the digest has its own in two languages.
_TEMPLATES = ("train/templates",)
_MAKERS = {"_why_not", "_not_regular", "_linked", "unsupported", "_refusal", "_reason", "_fault", "reason_of"}
_LOGS = {"info", "warning", "error"}
_LOOK_UPS = {"text", "note", "counted", "_say", "columns"}
# What `%d`, `%r` and their like stand for in a log record.
_PERCENT = re.compile(r"%[-+#0 ]*\d*(?:\.\d+)?[sdrfg]")
# Sentences of Typer, of help pages and of logging, none of which can be collected.
_OTHERS = (
    "Usage: ",
    "Arguments:",
    "Options:",
    "Commands:",
    "Show this message and exit.",
    "default: {value}",
    "required",
    "No such option: {option}",
    "No such option: {option} (Possible options: {options})",
    "No such command {name}.",
    "No such command {name}. Did you mean {other}?",
    "No such command {name}. Did you mean one of: {others}?",
    "Missing command.",
    "Missing argument {name}.",
    "Missing option {name}.",
    "Missing option {name}. Choose from: {choices}",
    "Invalid value for {name}: {reason}",
    "{value} is not one of {choices}.",
    "{value} is not a valid {type}.",
    "{value} is not a valid integer.",
    "{value} is not a valid float.",
    "{value} is not in the range {range}.",
    "Option {name} requires an argument.",
    "Option {name} does not take a value.",
    "Got unexpected extra argument ({arguments})",
    "Got unexpected extra arguments ({arguments})",
    "INFO",
    "WARNING",
    "ERROR",
    "{feature} needs the package {package}, which is not installed; run: pip install 'policylens[{extra}]'",
    # Units of `progress.duration`, and lines of reports that the commands say as they come.
    "d",
    "h",
    "min",
    "s",
    "{head}: {agreement} % of {n} labels as in float, macro-F1 {before} -> {after}",
    # What is wrong with a label, which is put together from a head and a hint.
    "unknown theme {value}; did you mean {near} ({name})?",
    "unknown theme {value}; did you mean {near}?",
    "unknown theme {value}; no valid name is like it (see `policylens taxonomy`)",
    "unknown stance {value}; did you mean {near} ({name})?",
    "unknown stance {value}; did you mean {near}?",
    "unknown stance {value}; no valid name is like it (see `policylens taxonomy`)",
    "unknown stance {value}; the taxonomy has no stances",
)


def collect() -> dict[str, list[str]]:
    """Sentences by where they come from: "help", "talk" and "errors"; each sentence stands once."""
    kinds: dict[str, list[str]] = {
        "help": list(help_sentences(typer.main.get_command(app))),
        "talk": list(_OTHERS),
        "errors": [],
    }
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ast.parse(path.read_text(encoding="utf-8"))
            for kind, sentence in _in_module(module):
                kinds[kind].append(sentence)
    for folder in _TEMPLATES:
        for path in sorted((ROOT / folder).glob("*.html")):
            kinds["talk"] += _in_template(path.read_text(encoding="utf-8"))
    seen: set[str] = set()
    return {
        kind: [s for s in sentences if s.strip() and not (s in seen or seen.add(s))]  # type: ignore[func-returns-value]
        for kind, sentences in kinds.items()
    }


def _in_module(module: ast.Module) -> Iterator[tuple[str, str]]:
    constants = {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _LOOK_UPS:
            yield from (("talk", word) for word in _literals(node.args))
        elif name in _ERRORS or name in _FAILURES:
            yield from (("errors", s) for argument in node.args for s in _templates(argument, constants))
        elif name in _LOGS and _is_logger(node.func) and (sentence := _log_template(node.args)):
            yield "errors", sentence
    yield from (("talk", s) for s in _assigned_sentences(module))
    yield from (("talk", s) for s in _tables_of_sentences(module))
    yield from (("errors", s) for s in _made_before(module, constants))


def _in_template(source: str) -> Iterator[str]:
    """What a template passes to `text` and `columns`."""
    for call in jinja2.Environment(autoescape=True).parse(source).find_all(jinja2.nodes.Call):
        if getattr(call.node, "name", "") in _LOOK_UPS:
            yield from (a.value for a in call.args if isinstance(a, jinja2.nodes.Const))


def _tables_of_sentences(module: ast.Module) -> Iterator[str]:
    """The values of constants that are annotated as `Sentences`."""
    for node in module.body:
        if isinstance(node, ast.AnnAssign) and getattr(node.annotation, "id", "") == "Sentences":
            table = node.value
            yield from _literals(table.values if isinstance(table, ast.Dict) else [])


def _literals(arguments: list[ast.expr]) -> Iterator[str]:
    for argument in arguments:
        for node in ast.walk(argument) if isinstance(argument, ast.IfExp) else [argument]:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _assigned_sentences(module: ast.Module) -> Iterator[str]:
    """What a variable named `sentence` holds before it is looked up."""
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "sentence":
            yield from _literals([node.value])


def _made_before(module: ast.Module, constants: dict[str, str]) -> Iterator[str]:
    """What variables named `message` and the like hold, and what functions give that make a message."""
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in _MESSAGES:
            yield from _templates(node.value, constants)
        elif isinstance(node, ast.FunctionDef) and node.name in _MAKERS:
            for step in ast.walk(node):
                if isinstance(step, ast.Return) and step.value is not None:
                    yield from _templates(step.value, constants)


def _is_logger(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "logger"


def _templates(node: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    """The sentences of an expression, of both branches where it chooses between two."""
    for choice in (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,):
        sentence = _template(choice, constants)
        # Values that are no sentences, such as the code of an error, have no blank.
        if " " in sentence:
            yield sentence


def _template(node: ast.expr, constants: dict[str, str]) -> str:
    """A literal or f-string with names in braces for its values; "" for what is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if "{" not in node.value else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts: list[str] = []
    names: list[str] = []
    for piece in node.values:
        if isinstance(piece, ast.Constant):
            parts.append(str(piece.value).replace("{", "{{").replace("}", "}}"))
        elif isinstance(piece, ast.FormattedValue):
            if isinstance(piece.value, ast.Name) and piece.value.id in constants:
                parts.append(constants[piece.value.id])
            else:
                parts.append(f"{{{_name(piece.value, names)}}}")
    sentence = "".join(parts)
    return sentence if re.search(r"[a-z]{2}", re.sub(r"\{.*?\}", "", sentence)) else ""


def _name(value: ast.expr, taken: list[str]) -> str:
    """A name for a value: the last identifier in it, numbered where it is taken already."""
    words = [w for w in re.findall(r"[A-Za-z_]\w*", ast.unparse(value)) if w not in ("str", "len", "or")]
    word = words[-1].strip("_").lower() if words else "value"
    name = word if word not in taken else f"{word}{taken.count(word) + 1}"
    taken.append(word)
    return name


def _log_template(arguments: list[ast.expr]) -> str:
    first = arguments[0]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return ""
    names: list[str] = []
    values = iter(arguments[1:])
    found = _PERCENT.sub(lambda _: f"{{{_name(next(values), names)}}}", first.value.replace("{", "{{"))
    sentence = found.replace("%%", "%")
    return sentence if re.search(r"[a-z]{2}", re.sub(r"\{.*?\}", "", sentence)) else ""


def as_po(kinds: dict[str, list[str]], entries: dict[str, str]) -> str:
    """The file: its head, then the sentences in order, each with its translation if there is one."""
    blocks = [
        "# Chinese sentences of policylens; kept in step with the code by scripts/catalogue.py.\n"
        'msgid ""\nmsgstr "Language: zh_CN\\nContent-Type: text/plain; charset=UTF-8\\n"'
    ]
    for kind, sentences in kinds.items():
        for sentence in sentences:
            blocks.append(
                f"#. {kind}\nmsgid {_quoted(sentence)}\nmsgstr {_quoted(entries.get(sentence, ''))}"
            )
    return "\n\n".join(blocks) + "\n"


def _quoted(sentence: str) -> str:
    return json.dumps(sentence, ensure_ascii=False)


def main() -> int:
    """Write the file and list what lacks a translation; with --check only say whether it is in step."""
    kinds = collect()
    entries = read_catalogue(CATALOGUE) if CATALOGUE.exists() else {}
    new = as_po(kinds, entries)
    if "--check" in sys.argv[1:]:
        return int(not CATALOGUE.exists() or CATALOGUE.read_text(encoding="utf-8") != new)
    CATALOGUE.write_text(new, encoding="utf-8")
    missing = [s for sentences in kinds.values() for s in sentences if not entries.get(s)]
    typer.echo(f"{sum(map(len, kinds.values()))} sentences, {len(missing)} without a translation")
    for sentence in missing:
        typer.echo(f"  {sentence}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
