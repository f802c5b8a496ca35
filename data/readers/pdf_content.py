"""How large the compressed streams of a PDF file become, looked at before anything is drawn from them."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator

from policylens.data.errors import InputError
from policylens.data.limits import Limits, too_large

# A stream begins behind its dictionary. Pictures may be large: they are never unpacked here.
_STREAM = re.compile(rb">>\s*stream\r?\n")
_DICTIONARY_BYTES = 2_000
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
# Whole Chinese fonts have up to 40 MB, and drawing a page takes no more than that for one.
_FONT = re.compile(rb"/Length1\b|/Subtype\s*/(?:CIDFontType0C|Type1C|OpenType)\b")
_FONT_FACTOR = 4
_CHUNK = 1 << 16
# The long names of filters and their short ones; ISO 32000-1, 7.4.
_FILTERS = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+)")
_NAME = re.compile(rb"/(\w+)")
_DEFLATE, _LZW = (b"FlateDecode", b"Fl"), (b"LZWDecode", b"LZW")
_RUNS = (b"RunLengthDecode", b"RL")
_AS_85, _AS_HEX = (b"ASCII85Decode", b"A85"), (b"ASCIIHexDecode", b"AHx")
_NOT_85, _NOT_HEX = re.compile(rb"[^!-uz\s]"), re.compile(rb"[^0-9A-Fa-f\s]")
# The first byte of zlib data.
_ZLIB = (b"x", b"h", b"X", b"H", b"8")
_END = b"endstream"
_LATE_WIDTHS = re.compile(rb"/EarlyChange\s+0\b")
_LZW_CLEAR, _LZW_END, _LZW_FIRST, _LZW_CODES = 256, 257, 258, 4096


def check_streams(data: bytes, *, path: str, limits: Limits) -> None:
    """Refuse streams that unpack without measure: drawing such a page takes gigabytes and minutes.

    Raises:
        InputError: A stream that is no picture is larger than the limit `parsed_mb`, or is compressed more
            than once, which no usual program does and which makes gigabytes of a few kilobytes.
    """
    for start, dictionary in _streams(data):
        most = limits.parsed_bytes * (_FONT_FACTOR if _FONT.search(dictionary) else 1)
        filters = _filters(dictionary)
        if sum(name in (*_DEFLATE, *_LZW, *_RUNS) for name in filters) > 1:
            raise InputError(f"{path}: has content that is compressed more than once; save it again as PDF")
        early = not _LATE_WIDTHS.search(dictionary)
        if _size(data, start, filters, early=early, most=most) > most:
            what = f"has content that unpacks to more than {most:,} bytes"
            raise too_large(path, what, "parsed_mb", limits.parsed_mb)


def _streams(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Starts of the streams that are no pictures, and their dictionaries."""
    for match in _STREAM.finditer(data):
        dictionary = data[max(0, match.start() - _DICTIONARY_BYTES) : match.start()]
        dictionary = dictionary[dictionary.rfind(b" obj") + 1 :]
        if not _IMAGE.search(dictionary):
            yield match.end(), dictionary


def _filters(dictionary: bytes) -> list[bytes]:
    """Names of the filters in the order in which they unpack; none where they stand elsewhere."""
    found = _FILTERS.search(dictionary)
    return _NAME.findall(found[1]) if found else []


def _size(data: bytes, start: int, filters: list[bytes], *, early: bool, most: int) -> int:
    """Size of a stream when it is unpacked; where it is over `most`, at least a little more than that."""
    while filters and filters[0] in (*_AS_85, *_AS_HEX):
        data, start = _as_bytes(data, start, is_85=filters[0] in _AS_85), 0
        filters = filters[1:]
    if filters and filters[0] in _LZW:
        return _lzw_size(_stream_bytes(data, start), early=early, most=most)
    # What the filters are called may stand in another object: the data shows deflate by itself.
    return _deflate_size(data, start, most=most) if data[start : start + 1] in _ZLIB else 0


def _stream_bytes(data: bytes, start: int) -> bytes:
    end = data.find(_END, start)
    return data[start : end if end >= 0 else len(data)]


def _as_bytes(data: bytes, start: int, *, is_85: bool) -> bytes:
    """The bytes of a stream that is written as characters, up to the first that is none of them."""
    content = _stream_bytes(data, start)
    stop = (_NOT_85 if is_85 else _NOT_HEX).search(content)
    characters = b"".join(content[: stop.start() if stop else len(content)].split())
    try:
        if is_85:
            return base64.a85decode(characters)
        return bytes.fromhex(characters.decode("ascii") + "0" * (len(characters) % 2))
    except ValueError:
        return b""


def _deflate_size(data: bytes, start: int, *, most: int) -> int:
    """Size of a zlib stream, at most a little more than `most`; of a damaged one up to the damage."""
    unpacker = zlib.decompressobj()
    view, at, size = memoryview(data), start, 0
    pending: bytes | memoryview = b""
    try:
        while size <= most and not unpacker.eof:
            if not pending:
                pending = view[at : at + _CHUNK]
                at += _CHUNK
                if not pending:
                    break
            size += len(unpacker.decompress(pending, 1 << 20))
            pending = unpacker.unconsumed_tail
    except zlib.error:
        pass
    return size


def _lzw_size(data: bytes, *, early: bool, most: int) -> int:
    """Size of an LZW stream, from the lengths of its codes alone; ISO 32000-1, 7.4.4.

    Args:
        data: The stream.
        early: Whether codes get wider one code early, as they do unless the dictionary says otherwise.
        most: A size over this need not be exact.
    """
    lengths = [1] * _LZW_FIRST
    size = before = bits = held = 0
    width = 9
    for byte in data:
        bits, held = (bits << 8 | byte) & 0xFFFFFF, held + 8
        if held < width:
            continue
        held -= width
        code = bits >> held & ((1 << width) - 1)
        if code == _LZW_END or size > most:
            break
        if code == _LZW_CLEAR:
            lengths, width, before = [1] * _LZW_FIRST, 9, 0
            continue
        if before and len(lengths) < _LZW_CODES:
            lengths.append(before + 1)
        if code >= len(lengths):
            break
        before = lengths[code]
        size += before
        # The reader is one code behind the writer, whose next one may be as long as the table.
        width = min(12, max(9, (len(lengths) + early).bit_length()))
    return size
