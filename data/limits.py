"""How much of one input is read. What goes over a limit is an error that names it, never a shorter text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from policylens.data.errors import ConfigError, InputError

MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one input file. They keep a hostile or mistaken file from taking all time and memory.

    The defaults let the largest honest documents through (a yearbook of 4,000 pages has some 4 million
    characters) and keep one file, whatever is in it, below about 3 GB of memory and a few minutes.

    Attributes:
        file_mb: Size of a document, unpacked; PDF and Word files hold pictures too. In megabytes.
        parsed_mb: What is parsed as one piece: an HTML page, the XML of a Word file, the content of a PDF
            page, a `.json` array, one record. In megabytes.
        pages: Pages of a PDF file.
        chars: Characters of a document's text.
        lines: Lines of a document's text.
    """

    file_mb: int = 500
    parsed_mb: int = 32
    pages: int = 5_000
    chars: int = 5_000_000
    lines: int = 200_000

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: One is no positive whole number.
        """
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"the limit {name} is {value!r}; expected a whole number of at least 1")

    @property
    def parsed_bytes(self) -> int:
        """`parsed_mb` in bytes."""
        return self.parsed_mb * MB

    @property
    def file_bytes(self) -> int:
        """`file_mb` in bytes."""
        return self.file_mb * MB

    @property
    def text_bytes(self) -> int:
        """More bytes cannot be a text of `chars` characters: no encoding takes more than four each."""
        return min(self.file_bytes, 4 * self.chars + 4)

    def check_text(self, text: str, *, name: str) -> None:
        """Check the text of a document.

        Raises:
            InputError: It is too long.
        """
        if len(text) > self.chars:
            raise too_large(name, f"holds {len(text):,} characters", "chars", self.chars)
        if (lines := text.count("\n") + 1) > self.lines:
            raise too_large(name, f"holds {lines:,} lines", "lines", self.lines)


DEFAULT_LIMITS = Limits()


def limit_names() -> tuple[str, ...]:
    """Names of the limits, as they are given on the command line."""
    return tuple(field.name for field in fields(Limits))


def parse_limits(given: Iterable[str]) -> Limits:
    """The limits with those changed that are given as `NAME=NUMBER`.

    Raises:
        ConfigError: There is no such limit, or the number is none.
    """
    known = limit_names()
    values: dict[str, int] = {}
    for item in given:
        name, _, value = item.partition("=")
        name = name.strip().replace("-", "_")
        if name not in known:
            raise ConfigError(
                f"--limit {item!r} is no limit; expected NAME=NUMBER, NAME one of {', '.join(known)}"
            )
        number = value.strip().replace(",", "").replace("_", "")
        if not (number.isascii() and number.isdigit()) or len(number) > 15 or int(number) < 1:
            raise ConfigError(
                f"--limit {item!r}: expected a whole number of at least 1, e.g. {name}={_default(name)}"
            )
        values[name] = int(number)
    return Limits(**values)


def too_large(name: str, what: str, limit: str, value: int) -> InputError:
    """The error of an input that goes over a limit.

    Args:
        name: The input.
        what: How large it is, in words that follow its name.
        limit: Name of the limit.
        value: Its value.
    """
    return InputError(f"{name}: {what}, the limit is {value:,}; split it, or raise it by --limit {limit}=N")


def _default(name: str) -> int:
    value: int = getattr(DEFAULT_LIMITS, name)
    return value
