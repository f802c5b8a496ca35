"""The group of all commands: the language of its help, and errors as one line with an exit code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from policylens.data.errors import PolicylensError
from policylens.infer.exit_codes import INTERRUPTED, exit_code
from policylens.infer.help_text import localise
from policylens.infer.messages import Language, locale_language, text, use_language
from policylens.infer.streams.reporter import Reporter

# The error of a wrong call. Typer moved the class between its versions, but always kept it above this one.
_UsageError: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError")


class CommandGroup(TyperGroup):
    """Turns the errors meant for the user into one line and an exit code; a bug keeps its traceback."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        *,
        standalone_mode: bool = True,
        **extra: Any,  # noqa: ANN401 - as typer's
    ) -> Any:  # noqa: ANN401 - as typer's
        """Run a command line and end the program with its exit code."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        try:
            code = super().main(args, standalone_mode=False, **extra)
        except _UsageError as error:
            _report_usage(error)
        except typer.Abort:
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        *rest: Any,  # noqa: ANN401 - as typer's
        **extra: Any,  # noqa: ANN401 - as typer's
    ) -> typer.Context:
        """Choose the language before anything is said in it, whichever option stands first."""
        use_language(_language(args))
        localise(self)
        return super().make_context(info_name, args, *rest, **extra)  # type: ignore[return-value]

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the command that is named."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except PolicylensError as error:
            reporter = ctx.obj if isinstance(ctx.obj, Reporter) else Reporter()
            reporter.error(str(error))
            raise typer.Exit(exit_code(error)) from None
        except BrokenPipeError:
            _forget_stdout()
            raise typer.Exit from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        return result


def _language(args: list[str]) -> Language:
    """What --lang says, else what the locale says."""
    for at, word in enumerate(args):
        if not word.startswith("-"):
            break
        name, _, value = word.partition("=")
        value = value or "".join(args[at + 1 : at + 2])
        if name == "--lang" and value in list(Language):
            return Language(value)
        if name == "--lang":
            break
    return locale_language()


def _report_usage(error: Any) -> NoReturn:  # noqa: ANN401 - see _UsageError
    """Say what is wrong with a call, and where its help is.

    Raises:
        SystemExit: Always.
    """
    message = error.format_message()
    if error.ctx is None or "\n" in message:
        # The help itself, for a command without arguments.
        error.show()
        sys.exit(error.exit_code)
    root = error.ctx.find_root()
    reporter = root.obj if isinstance(root.obj, Reporter) else Reporter()
    # Some versions of Typer put this before what their own types say.
    message = message.replace("Value error, ", "")
    reporter.error(_misplaced(error, root) or _no_command(error) or message, event="usage")
    if not reporter.log_json:
        reporter.say(text("see `{command} --help`", command=error.ctx.command_path))
    sys.exit(error.exit_code)


def _misplaced(error: Any, root: Any) -> str | None:  # noqa: ANN401 - see _UsageError
    """What to say where an option of the program stands behind a command."""
    option = getattr(error, "option_name", None)
    if error.ctx is root or not any(option in parameter.opts for parameter in root.command.params):
        return None
    return text(
        "{option} goes before the command: {program} {option} …", option=option, program=root.command_path
    )


def _no_command(error: Any) -> str | None:  # noqa: ANN401 - see _UsageError
    """What to say where a file is named without a command."""
    found = re.match(r"No such command '(.+?)'\.", error.message)
    if error.ctx.parent is not None or not found or not Path(found[1]).exists():
        return None
    return text("{name} is no command; to digest it: policylens summarize {name}", name=found[1])


def _forget_stdout() -> None:
    """The reader has gone: let the interpreter's last flush go nowhere instead of into its closed pipe."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
