"""What is looked at in a Word or Excel file before it is unpacked: what it is and how large it will be."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from policylens.data.errors import InputError
from policylens.data.limits import Limits, too_large

_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = 0x1
# The standard of such packages (ISO/IEC 29500-2) allows these two. Others could unpack without measure.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CONTENT_TYPES = "[Content_Types].xml"
_RELATIONS = "_rels/.rels"
_KINDS = {
    b"macroEnabled.main+xml": "is a Word file with macros; save it as .docx, which has none",
    b"wordprocessingml.template.main+xml": "is a template; save it as .docx",
    b"spreadsheetml.sheet.main+xml": "is an Excel file; save the text column as .csv",
    b"presentationml.presentation.main+xml": "is a PowerPoint file; save its text as .docx",
}


def check_package(data: bytes, *, path: str, limits: Limits) -> None:
    """Look at the table of contents of a .docx file.

    The sizes in it can be relied on: unpacking stops where a part has reached its own.

    Raises:
        InputError: It is encrypted, of another kind, no zip file, or too large when unpacked.
    """
    if data.startswith(_OLE_MAGIC):
        raise InputError(f"{path}: is encrypted or an old .doc file; save it as .docx without a password")
    with _opened(data, path=path, kind=".docx", program="Word") as package:
        _check_parts(package.infolist(), path=path, limits=limits)
        _check_kind(package, path=path)


def check_workbook(data: bytes, *, path: str, limits: Limits) -> None:
    """Look at the table of contents of an .xlsx file, as `check_package` does.

    Raises:
        InputError: It is encrypted, no zip file, or too large when unpacked.
    """
    if data.startswith(_OLE_MAGIC):
        raise InputError(f"{path}: is encrypted or an old .xls file; save it as .xlsx without a password")
    with _opened(data, path=path, kind=".xlsx", program="Excel") as package:
        _check_parts(package.infolist(), path=path, limits=limits)


@contextmanager
def _opened(data: bytes, *, path: str, kind: str, program: str) -> Iterator[zipfile.ZipFile]:
    """The package; whatever is wrong with it is an error that names the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            yield package
    except (
        _Damage,
        zipfile.BadZipFile,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        zlib.error,
    ) as error:
        raise InputError(
            f"{path}: is not a readable {kind} file ({error}); open and save it in {program}"
        ) from None


class _Damage(Exception):
    """What no program would write; the message says what."""


def _check_parts(parts: list[zipfile.ZipInfo], *, path: str, limits: Limits) -> None:
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise InputError(f"{path}: is encrypted; save it without a password")
    if any(part.compress_type not in _METHODS for part in parts):
        raise _Damage("it is compressed in a way that such files are not")
    names = [part.filename for part in parts]
    if len(set(names)) < len(names):
        raise _Damage("it has two parts of the same name")
    if (size := sum(part.file_size for part in parts)) > limits.file_bytes:
        raise too_large(path, f"unpacks to {size:,} bytes", "file_mb", limits.file_mb)
    markup = sum(part.file_size for part in parts if part.filename.lower().endswith((".xml", ".rels")))
    if markup > limits.parsed_bytes:
        raise too_large(path, f"unpacks to {markup:,} bytes of XML", "parsed_mb", limits.parsed_mb)


def _check_kind(package: zipfile.ZipFile, *, path: str) -> None:
    names = package.namelist()
    if _CONTENT_TYPES not in names:
        raise _Damage("it is a zip file without the parts of a Word file")
    types = package.read(_CONTENT_TYPES)
    for mark, fault in _KINDS.items():
        if mark in types:
            raise InputError(f"{path}: {fault}")
    if _RELATIONS in names and b"purl.oclc.org/ooxml/" in package.read(_RELATIONS):
        raise InputError(f"{path}: is a Strict Open XML document; save it as Word document (.docx)")
