"""What `scripts/fuzz_readers.py` found: each a file that a reader once neither read nor refused."""

import io
import zipfile

import pytest

from policylens.data.errors import InputError
from policylens.data.read import read_document

docx = pytest.importorskip("docx")
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def with_document_xml(xml):
    stream, packed = io.BytesIO(), io.BytesIO()
    docx.Document().save(stream)
    with zipfile.ZipFile(stream) as source, zipfile.ZipFile(packed, "w") as target:
        for item in source.infolist():
            own = item.filename == "word/document.xml"
            target.writestr(item.filename, xml if own else source.read(item))
    return packed.getvalue()


@pytest.mark.parametrize(
    "xml",
    [
        f'<w:document xmlns:w="{W.replace("processing", "proaessing")}"><w:body/></w:document>',
        f'<w:document xmlns:w="{W}"/>',
        f'<w:p xmlns:w="{W}"><w:r><w:t>字</w:t></w:r></w:p>',
    ],
    ids=["another namespace", "no body", "a paragraph alone"],
)
def test_a_word_file_without_a_body(xml):
    with pytest.raises(InputError, match=r"x\.docx: "):
        read_document("x.docx", data=with_document_xml(xml))
