"""Bytes to text. Evidence decides the encoding; text that stays implausible is an error, not a guess."""

from __future__ import annotations

import codecs
import io
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

from policylens.data.errors import InputError

HEAD_BYTES = 65536

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# cp950 is Big5 as Windows writes it; the Hong Kong supplement only wins where cp950 fails. Where two
# decode to the same text the first one stands.
_LEGACY = ("gb18030", "cp950", "big5hkscs")
_WIDE = ("utf-16-le", "utf-16-be")

# The characters that ran up 80 % of some 30 MB of Chinese policy texts, headlines and blog posts (2025), and
# below them the traditional forms of those that have one. A wrong encoding turns text into characters that
# hardly ever are among these; the list only separates encodings, it says nothing about content.
_FREQUENT = frozenset(
    "的国人一不是大中新了有业发在和年我生会上要家高学能开全行为工个科作出成实化进加技图政好现展力产就地平动对公主建时金民经以这理关多机到"
    "重来基天自分市日方用女制美强下资体部子价务点都定后小等合可推持本创长保月法于三前省设考面们教元场度同将也北期通性还万过没情提被看最得"
    "利事区心增入育术与网第社研应男报起么想共打战组文内明管他说代十数球改真比企目名信员世意之办总外很量济院活特级手系放电两去施疫规联股知"
    "指结专品房领计调收斯门导安你支项各续无做次西感回位河果所当校口称老统正界居二快海更质道医议权相立服车布商者解交造今华间向完题水府里城"
    "种四首赛军变防党投转选其义近着别已费然因试单传升评足再源物问式受接台策只克队取线东死及革任深程步求身局视给五游引直己农型决盘条优色周"
    "精那超构亿告划如表从标流格反油类京才难运治尔马售常冠效际让职带而低需什师但头确样件复备准病广势少风见亚认预案罗息集山落原友证路些俄气"
    "习坚达英空争招核或德热望环控货普南举把整走至记消究爱装查太护光候财巴觉每据态神并智助域影示获先未百节司儿星处范思融众群奖拉值极买善论"
    "责协卡险越购半非稳验模团话厅书干又促村击必破红易供批降连突底使测张观清失委形均根州央率双季命注存致健号由户识照微始营监积江励排销继"
    "國會業發個為學開實進圖現產動對時經這關機來資體務點後創長於過沒與網應報麼戰組數員辦總濟級電兩規聯結專領計調門導項續無當稱統質"
    "醫議權車東華間題府裡種軍變黨轉選義別費試單傳評問臺隊線農決條優構億劃標類難運馬讓職帶師頭樣複備準廣勢風見預羅習達爭熱環貨舉"
    "記護財覺態獲節處範眾獎極買論責協險購穩驗團話廳書擊紅連測張觀滅雙識營監積勵銷繼說術區場將設還萬麗認證據語價產歲壓鄉鐵農糧業"
)
_MARKS = frozenset(
    "，。、；：？！“”‘’（）《》〈〉「」『』【】〔〕—…·　％～－／①②③④⑤⑥⑦⑧⑨⑩０１２３４５６７８９"
)
# Measured on 400 random pieces of policy text for each length: the right encoding scores 0.70 and more at 200
# characters and 0.55 and more at 10; the best wrong one 0.14 and 0.44. Korean read as GB 18030 scores 0.39,
# Japanese 0.29. A text below the floor (a list of rare names, say) is reported, not guessed.
_PLAUSIBLE = 0.5
_CLEAR_LEAD = 0.1


@dataclass(frozen=True, slots=True)
class DecodedLine:
    """One line of a text stream.

    Attributes:
        number: DecodedLine number from 1.
        text: The line with its line end; "" where it cannot be decoded.
        error: Why it cannot be decoded, "" where it can.
    """

    number: int
    text: str
    error: str = ""


def decode(data: bytes, *, name: str = "the input", declared: str = "") -> str:
    """Decode a whole text, drop its byte-order mark and turn CR LF and CR into LF.

    Args:
        data: The bytes of the file.
        name: What error messages call it.
        declared: Encoding that the file itself declares (HTML); taken if it decodes to plausible text.

    Raises:
        InputError: No known encoding gives plausible text.
    """
    bom, encoding = _byte_order_mark(data)
    if not encoding:
        encoding = _usable(data, declared) or detect_encoding(data, name=name)
    try:
        text = data[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: is not valid {encoding} at byte {len(bom) + error.start}; convert it to UTF-8"
        ) from None
    fault = implausibility(text)
    if fault:
        raise InputError(f"{name}: {fault} (read as {encoding}); if it is a text file, convert it to UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def detect_encoding(data: bytes, *, name: str = "the input", complete: bool = True) -> str:
    """Name of the Python codec that decodes `data`, which starts with no byte-order mark.

    Args:
        data: The bytes, or the first of them.
        name: What error messages call the source.
        complete: False where `data` may stop inside a character.

    Raises:
        InputError: No candidate decodes the bytes into plausible text, or two do equally well.
    """
    if b"\0" not in data:
        text = _try(data, "utf-8", complete=complete)
        if text is not None and not _may_be_legacy(data, text, complete=complete):
            return "utf-8"
    # A zero byte is a text character in UTF-16 only: the upper half of a digit, space or line end.
    candidates = _WIDE if b"\0" in data else _LEGACY + _WIDE
    scored: list[tuple[float, str, str]] = []
    for encoding in candidates:
        text = _try(data, encoding, complete=complete)
        if text is not None:
            scored.append((_score(text), encoding, text))
    scored.sort(key=lambda item: -item[0])
    if not scored or scored[0][0] < _PLAUSIBLE:
        tried = ", ".join((_utf8_fault(data), *candidates))
        fault = f"no known encoding gives plausible text (tried {tried}){_guess(data)}"
        raise InputError(f"{name}: {fault}; convert it to UTF-8")
    best, encoding, text = scored[0]
    rivals = [other for score, other, rival in scored[1:] if best - score < _CLEAR_LEAD and rival != text]
    if rivals and not set(rivals) | {encoding} <= {"cp950", "big5hkscs"}:
        raise InputError(f"{name}: could be {encoding} or {rivals[0]}; convert it to UTF-8")
    return encoding


def read_lines(stream: BinaryIO, *, name: str) -> Iterator[DecodedLine]:
    """Decode a stream line by line in constant memory.

    The encoding is decided on the first 64 KiB or, while all is ASCII, on the first line that is not. A line
    with bytes that do not fit it is yielded with its `error`, and the lines after it follow.

    Raises:
        InputError: The encoding cannot be told, or a UTF-16 stream breaks off.
    """
    # read1 takes what a pipe has ready; read would wait for all of it.
    head = getattr(stream, "read1", stream.read)(HEAD_BYTES)
    bom, encoding = _byte_order_mark(head)
    if not encoding and not _is_ascii(head):
        encoding = _detect_by_lines(head, name=name)
    if encoding.startswith(("utf-16", "utf-32")):
        yield from _wide_lines(io.BytesIO(head), stream, encoding, name=name)
        return
    offset = 0
    for number, raw in enumerate(_byte_lines(head, stream), start=1):
        if not encoding and not _is_ascii(raw):
            encoding = detect_encoding(raw, name=f"{name}, line {number}")
        yield _decode_line(raw[len(bom) :] if number == 1 else raw, number, encoding or "ascii", offset)
        offset += len(raw)


def implausibility(text: str) -> str:
    """Say what makes a text look like something else than text, "" where nothing does."""
    if "\0" in text:
        return "holds NUL characters, so it is not text"
    sample = text[: 4 * HEAD_BYTES]
    bad = sum(_is_rubbish(character) for character in sample)
    # A few control or private-use characters are common in text copied from PDF; more is binary data.
    if bad * 10 > len(sample):
        return f"{bad} of {len(sample)} characters are control, private-use or unassigned ones"
    return ""


def _byte_order_mark(data: bytes) -> tuple[bytes, str]:
    return next(((bom, encoding) for bom, encoding in _BOMS if data.startswith(bom)), (b"", ""))


def _usable(data: bytes, declared: str) -> str:
    try:
        encoding = codecs.lookup(declared.strip()).name
    except LookupError:
        return ""
    # Pages that declare the older standards use characters of the newer ones. A declaration of another
    # encoding is mostly a left-over of the page's template.
    encoding = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "cp950"}.get(encoding, encoding)
    if encoding != "utf-8" and encoding not in _LEGACY:
        return ""
    text = _try(data, encoding, complete=True)
    if text is None or (encoding in _LEGACY and _score(text) <= 0):
        return ""
    return encoding


def _try(data: bytes, encoding: str, *, complete: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, complete)
    except UnicodeDecodeError:
        return None


def _utf8_fault(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"utf-8, which fails at byte {error.start}"
    return "utf-8"


def _guess(data: bytes) -> str:
    """What charset-normalizer takes the bytes for: too often wrong to read by, good enough for a hint."""
    from charset_normalizer import from_bytes

    best = from_bytes(data[:HEAD_BYTES]).best()
    return f"; it may be {best.encoding}" if best is not None else ""


def _may_be_legacy(data: bytes, text: str, *, complete: bool) -> bool:
    """Whether valid UTF-8 is rather GBK or UTF-16: a few short Chinese words pass as two-byte UTF-8."""
    if not text or len(text) == len(data) or max(text) >= "\u0800":
        return False
    for encoding in _LEGACY + _WIDE:
        other = _try(data, encoding, complete=complete)
        if other is not None and _score(other) >= 0.8:
            return True
    return False


def _score(text: str) -> float:
    """Share of the non-ASCII characters that are usual in Chinese text, in [-1, 1]."""
    total = points = 0.0
    common = _common_characters()
    for character in text[:HEAD_BYTES]:
        if character in _FREQUENT or character in _MARKS:
            points += 1.0
        elif character in common:
            points += 0.3
        elif character < "\u0080" and not _is_rubbish(character):
            continue
        elif not "\u4e00" <= character <= "\u9fff":
            points -= 1.0
        total += 1.0
    return points / total if total else 0.0


@cache
def _common_characters() -> frozenset[str]:
    """The first levels of GB 2312 (3,755 characters) and of Big5 (5,401), from Python's own codecs."""
    gb = bytes(byte for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) for byte in (high, low))
    trails = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    big5 = bytes(byte for high in range(0xA4, 0xC7) for low in trails for byte in (high, low))
    return frozenset(gb.decode("gb2312", "ignore") + big5.decode("big5", "ignore"))


def _is_rubbish(character: str) -> bool:
    if character in "\t\n\r\f\v\x1a\ufeff\u200b\u200e\u200f\u00ad":
        return False
    return unicodedata.category(character) in {"Cc", "Co", "Cn", "Cs"} or character == "\ufffd"


def _is_ascii(data: bytes) -> bool:
    return data.isascii() and b"\0" not in data


def _byte_lines(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    # A line end is one byte in ASCII, UTF-8, GB 18030 and Big5, and never the second byte of a character.
    for line in io.BytesIO(head):
        yield line if line.endswith(b"\n") else line + stream.readline()
    yield from stream


def _detect_by_lines(head: bytes, *, name: str) -> str:
    """Encoding of the whole or, where a wrong byte spoils that, of most of its lines."""
    try:
        return detect_encoding(head, name=name, complete=False)
    except InputError:
        votes: Counter[str] = Counter()
        for line in io.BytesIO(head):
            if not _is_ascii(line):
                with suppress(InputError):
                    votes[detect_encoding(line)] += 1
        # UTF-16 is not cut into lines by bytes, so a vote for it is an accident.
        best = next((encoding for encoding, _ in votes.most_common(1) if encoding not in _WIDE), "")
        if not best:
            raise
        return best


def _decode_line(raw: bytes, number: int, encoding: str, offset: int) -> DecodedLine:
    try:
        return DecodedLine(number, raw.decode(encoding))
    except UnicodeDecodeError as error:
        place = offset + error.start
        return DecodedLine(
            number, "", f"byte {place} does not fit the encoding {encoding}; convert the file to UTF-8"
        )


def _wide_lines(head: BinaryIO, stream: BinaryIO, encoding: str, *, name: str) -> Iterator[DecodedLine]:
    decoder = codecs.getincrementaldecoder(encoding)()
    pending, number, offset = "", 0, 0
    while True:
        chunk = head.read(HEAD_BYTES) or stream.read(HEAD_BYTES)
        try:
            pending += decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{name}: is not valid {encoding} near byte {offset + error.start}; convert it to UTF-8"
            ) from None
        if offset == 0:
            pending = pending.removeprefix("\ufeff")
        offset += len(chunk)
        *lines, pending = pending.split("\n")
        for line in lines:
            number += 1
            yield DecodedLine(number, line + "\n")
        if not chunk:
            break
    if pending:
        yield DecodedLine(number + 1, pending)
