"""What the zoo is made of: files that are bad or odd, each with what has to come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Written for these tests. Every document that can be read says this.
SENTENCE = "各地要加快推进中小企业数字化转型，完善公共服务平台，确保政策落实到位。"
SECOND = "严禁以技术改造名义新增产能，严控高耗能项目盲目上马。"


@dataclass(frozen=True)
class Case:
    """A file and its outcome: either `text` or `error`; of records `records` and `bad`.

    Attributes:
        name: File name; no two cases have the same stem.
        data: Its bytes, or what makes them.
        text: The whole text of the document.
        error: Part of the one line that says why it cannot be read.
        records: Texts of the records that can be used.
        bad: Line and code of the records that cannot.
        extra: Fields that the first usable record carries.
    """

    name: str
    data: bytes | Callable[[], bytes]
    text: str | None = None
    error: str = ""
    records: tuple[str, ...] = ()
    bad: tuple[tuple[int, str], ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    def bytes(self) -> bytes:
        return self.data if isinstance(self.data, bytes) else self.data()

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        path.write_bytes(self.bytes())
        return path


def joined(*texts: str) -> str:
    """The text of a document whose format marks its paragraphs."""
    return "\n\n".join(texts)
