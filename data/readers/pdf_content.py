"""How large the compressed streams of a PDF file become, looked at before anything is drawn from them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from policylens.data.limits import Limits, too_large

# A stream begins behind its dictionary. Pictures may be large: they are never unpacked here.
_STREAM = re.compile(rb">>\s*stream\r?\n")
_DICTIONARY_BYTES = 2_000
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
# Whole Chinese fonts have up to 40 MB, and drawing a page takes no more than that for one.
_FONT = re.compile(rb"/Length1\b|/Subtype\s*/(?:CIDFontType0C|Type1C|OpenType)\b")
_FONT_FACTOR = 4
_CHUNK = 1 << 16


def check_streams(data: bytes, *, path: str, limits: Limits) -> None:
    """Refuse streams that unpack without measure: drawing such a page takes gigabytes and minutes.

    Only streams compressed by deflate (`FlateDecode`), which all usual programs write, are looked at.

    Raises:
        InputError: A stream that is no picture is larger than the limit `parsed_mb`.
    """
    for start, is_font in _streams(data):
        most = limits.parsed_bytes * (_FONT_FACTOR if is_font else 1)
        if _unpacked_size(data, start, most=most) > most:
            what = f"has content that unpacks to more than {most:,} bytes"
            raise too_large(path, what, "parsed_mb", limits.parsed_mb)


def _streams(data: bytes) -> Iterator[tuple[int, bool]]:
    """Starts of the compressed streams that are no pictures, and whether they are fonts."""
    for match in _STREAM.finditer(data):
        # The first byte of zlib data; other filters do not unpack by more than a few times.
        if data[match.end() : match.end() + 1] not in (b"x", b"h", b"X", b"H", b"8"):
            continue
        dictionary = data[max(0, match.start() - _DICTIONARY_BYTES) : match.start()]
        dictionary = dictionary[dictionary.rfind(b" obj") + 1 :]
        if not _IMAGE.search(dictionary):
            yield match.end(), _FONT.search(dictionary) is not None


def _unpacked_size(data: bytes, start: int, *, most: int) -> int:
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
