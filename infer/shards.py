"""A shard of a cluster run is an input file: which there are, how one is read, tagged and put in place.

Its rows are those that the local engine gives for it, written to one Parquet file in the output folder, which
appears only when it is whole.
"""

from __future__ import annotations

import io
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policylens.data.errors import ConfigError, InputError
from policylens.data.limits import parse_limits
from policylens.data.read import STDIN, InputFailure, expand_inputs
from policylens.data.records import Paragraph
from policylens.infer.pipeline import tag
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.inputs import InputStream
from policylens.infer.streams.naming import DocNames
from policylens.infer.streams.output import rows_bytes
from policylens.infer.streams.rows import Row, row_of
from policylens.infer.streams.sinks import PartsSink
from policylens.infer.streams.stream import SHARD_PARAGRAPHS

if TYPE_CHECKING:
    from policylens.infer.classify import Classifier

# Suffix of the folder of a shard on its way.
PARTS = ".parts"
# Read and tagged at a time, so that one large file does not fill the memory; cut as in a local run.
_SLICE_ROWS = SHARD_PARAGRAPHS


@dataclass(frozen=True, slots=True)
class Work:
    """What every shard is done with.

    Attributes:
        model: Model folder, None for the shipped one.
        backend: Runtime, None for the one that suits.
        all_kinds: Write headings and the like too.
        text_field: Field with the text in record inputs.
        title_field: Field with the title in record inputs.
        min_precision: See `Classifier`.
        batch_tokens: Most tokens in a batch, None for what suits the runtime.
        limit: Limits of the inputs, as `NAME=NUMBER`.
    """

    model: str | None = None
    backend: str | None = None
    all_kinds: bool = False
    text_field: str = "text"
    title_field: str = "title"
    min_precision: float | None = None
    batch_tokens: int | None = None
    limit: tuple[str, ...] = ()


def list_shards(inputs: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The input files in order, each with its number and the name that its document bears in a local run.

    Raises:
        ConfigError: "-" is among the inputs.
        InputError: An input is missing, or there is none.
    """
    if STDIN in inputs:
        raise ConfigError("--engine ray reads files that all machines see, not -")
    paths = [path for given in inputs for path in _files(given)]
    if not paths:
        raise InputError("there is no input file")
    names = DocNames(paths)
    for number, path in enumerate(paths):
        yield {"number": number, "path": str(path.resolve()), "doc": names.name(path)}


def _files(given: str) -> list[Path]:
    """The files of one input; Parquet, which the local engine does not read, included."""
    path = Path(given)
    if path.suffix.lower() == ".parquet" and path.is_file():
        return [path]
    parquet = sorted(path.rglob("*.parquet")) if path.is_dir() else []
    found = expand_inputs([given])
    if wrong := [item for item in found if isinstance(item, InputFailure)]:
        if parquet and len(found) == 1:
            return parquet
        raise InputError(wrong[0].message)
    return sorted([*(item for item in found if isinstance(item, Path)), *parquet])


def tag_shard(shard: Mapping[str, Any], out: Path, work: Work, classifier: Classifier) -> dict[str, int]:
    """Tag one input file and write its rows; a file that is there with the final name is whole.

    Args:
        shard: Its `number`, `path` and `doc`, the name that its paragraphs bear unless they have their own.
        out: Output folder.
        work: What is done.
        classifier: The model.

    Returns:
        How many `paragraphs` were written, `read` (of any kind) and how many `failures` there were.
    """
    failures: list[InputFailure] = []
    stats = {"paragraphs": 0, "read": 0, "failures": 0}
    # Two machines may do the same shard when one of them is given up too early.
    part = out / f".{shard['number']:06}.{uuid.uuid4().hex}{PARTS}"
    part.mkdir()
    sink = PartsSink(part)
    found = _paragraphs(shard, work, failures)
    while chunk := _take(found):
        stats["read"] += len(chunk)
        tagged = tag(chunk, classifier, batch_tokens=work.batch_tokens, all_kinds=work.all_kinds)
        rows = [row_of(item) for item in tagged]
        stats["paragraphs"] += len(rows)
        sink.add(rows)
    sink.finish()
    stats["failures"] = len(failures)
    _put_in_place(sink.path, out, int(shard["number"]), failures, stats)
    shutil.rmtree(part)
    return stats


def _put_in_place(
    rows: Path, out: Path, number: int, failures: Sequence[InputFailure], stats: Mapping[str, int]
) -> None:
    """Rows and errors first; the marker that the shard is done comes last."""
    errors = out / f"{number:06}.errors.jsonl"
    if failures:
        lines: list[Row] = [
            {"input": item.path, "line": item.line, "error": item.error, "message": item.message}
            for item in failures
        ]
        errors.write_bytes(rows_bytes(lines, TableFormat.JSONL))
    else:
        errors.unlink(missing_ok=True)
    rows.replace(out / f"{number:06}.parquet")
    marker = stats_path(out, number)
    part = rows.with_name(marker.name)
    part.write_text(json.dumps(stats), encoding="utf-8")
    part.replace(marker)


def stats_path(out: Path, number: int) -> Path:
    """The marker that a shard is done, with its counts."""
    # Readers of Parquet folders pass over names that begin with a dot.
    return out / f".{number:06}.done"


def _take(found: Iterator[Paragraph]) -> list[Paragraph]:
    return list(islice(found, _SLICE_ROWS))


def _paragraphs(shard: Mapping[str, Any], work: Work, failures: list[InputFailure]) -> Iterator[Paragraph]:
    """The paragraphs of one file, named as in a run over all files; what fails goes to `failures`."""
    path = Path(shard["path"])
    if path.suffix.lower() == ".parquet":
        found: Iterator[Paragraph | InputFailure] = _parquet_paragraphs(path, shard["doc"], work)
    else:
        stream = InputStream(
            [str(path)],
            text_field=work.text_field,
            title_field=work.title_field,
            limits=parse_limits(work.limit),
        )
        found = _renamed(stream.read(), path.stem, shard["doc"])
    for item in found:
        if isinstance(item, InputFailure):
            failures.append(item)
        else:
            yield item


def _renamed(
    found: Iterator[Paragraph | InputFailure], stem: str, doc: str
) -> Iterator[Paragraph | InputFailure]:
    """Two files called report.txt are two documents, which only a look at all files can tell."""
    for item in found:
        if isinstance(item, Paragraph) and stem != doc and item.doc == stem:
            item = replace(item, doc=doc)
        yield item


def _parquet_paragraphs(path: Path, doc: str, work: Work) -> Iterator[Paragraph | InputFailure]:
    """Rows of a Parquet file as the records that the same rows in JSONL would be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from policylens.data.readers.read_records import RecordError, records_from_json_lines

    try:
        number = 0
        with pq.ParquetFile(path) as source:
            for batch in source.iter_batches(batch_size=_SLICE_ROWS):
                rows = [{k: v for k, v in row.items() if v is not None} for row in batch.to_pylist()]
                text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
                records = records_from_json_lines(
                    io.BytesIO(text.encode()),
                    name=str(path),
                    doc=doc,
                    text_field=work.text_field,
                    title_field=work.title_field,
                )
                for record, row in zip(records, rows, strict=True):
                    number += 1
                    if isinstance(record, RecordError):
                        what = record.message.removeprefix(f"{path}, line {record.line}: ")
                        message = f"{path}, row {number}: {what}"
                        yield InputFailure(str(path), message, line=number, error=record.error)
                    else:
                        yield record if "para" in row else replace(record, para=number)
    except (OSError, pa.ArrowException) as error:
        yield InputFailure(str(path), f"{path}: cannot be read as Parquet ({error})")
