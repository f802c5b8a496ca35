"""Label Studio and doccano: their JSON to rows and back, without loss.

Formats: Label Studio, "Export annotations", JSON and JSON-MIN; doccano, text classification, JSONL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policylens.data.errors import LabelError, TaxonomyError
from policylens.data.label_formats.label_rows import FieldNames, RawRow, Row
from policylens.data.taxonomy import Taxonomy

_LABEL_KEYS = ("theme", "also", "stance")
# doccano has one list of labels for a text; the prefix says which field a label belongs to.
_PREFIXES = {f"{key}:": key for key in _LABEL_KEYS}


def is_label_studio(rows: Sequence[RawRow]) -> bool:
    """Whether the items of an array are Label Studio tasks rather than flat records."""
    return bool(rows) and all(isinstance(row.fields.get("data"), dict) for row in rows)


def to_label_studio(row: Row) -> Row:
    """A canonical row as a task: labels as the choices of an annotation, all else as data."""
    data = {key: value for key, value in row.items() if key not in _LABEL_KEYS}
    result = [
        {"from_name": key, "to_name": "text", "type": "choices", "value": {"choices": choices}}
        for key in _LABEL_KEYS
        if (choices := _as_list(row.get(key)))
    ]
    return {"data": data, "annotations": [{"result": result}] if result else []}


def from_label_studio(rows: Sequence[RawRow], *, name: str, names: FieldNames) -> list[RawRow]:
    """A row for each annotation of each task; a task without any gives one row without labels.

    Of several choices for the theme the first is the theme, the others secondary ones. Skipped annotations
    count as none.

    Raises:
        LabelError: A task is broken.
    """
    found = []
    for row in rows:
        annotations = row.fields.get("annotations") or []
        if not isinstance(annotations, list) or not all(isinstance(item, dict) for item in annotations):
            raise LabelError(f"{name}, item {row.line}: 'annotations' is no list of objects")
        done = [item for item in annotations if not item.get("was_cancelled")]
        data = dict(_mapping(row.fields.get("data")))
        if "id" not in data and isinstance(row.fields.get("id"), str | int):
            data["id"] = str(row.fields["id"])
        try:
            found += [RawRow(row.line, data | _choices(item, names, data, len(done))) for item in done]
        except LabelError as error:
            raise LabelError(f"{name}, item {row.line}: {error}") from None
        if not done:
            found.append(RawRow(row.line, data))
    return found


def _choices(
    annotation: Mapping[str, object], names: FieldNames, data: Mapping[str, object], n_done: int
) -> Row:
    results = annotation.get("result")
    if not isinstance(results, list):
        raise LabelError("an annotation has no list 'result'; export as JSON, not as JSON with predictions")
    labels: Row = {}
    for result in map(_mapping, results):
        choices = _mapping(result.get("value")).get("choices")
        if isinstance(choices, list) and choices:
            labels[str(result.get("from_name"))] = choices
    theme, stance = _as_list(labels.pop(names.theme, None)), _as_list(labels.pop(names.stance, None))
    row: Row = {key: value if key == "also" else _single(value) for key, value in labels.items()}
    if theme:
        row[names.theme] = theme[0]
        row["also"] = [*theme[1:], *_as_list(row.get("also"))]
    if stance:
        row[names.stance] = stance[0]
    annotator = _annotator(annotation.get("completed_by"))
    # An exported row that comes back has its own annotator; only Label Studio knows those of several.
    if annotator and (n_done > 1 or "annotator" not in data):
        row["annotator"] = annotator
    return row


def from_json_min(rows: Sequence[RawRow], names: FieldNames) -> list[RawRow]:
    """Rows of Label Studio's short form, in which several choices of one control are `{"choices": […]}`."""
    found = []
    for row in rows:
        fields = dict(row.fields)
        for key, value in row.fields.items():
            choices = value.get("choices") if isinstance(value, dict) else None
            if isinstance(choices, list) and choices and key in (names.theme, names.stance, "also"):
                fields[key] = choices if key == "also" else choices[0]
                if key == names.theme and choices[1:]:
                    fields["also"] = [*choices[1:], *_as_list(fields.get("also"))]
        found.append(RawRow(row.line, fields))
    return found


def _annotator(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("email") or value.get("id")
    return "" if value is None else str(value)


def is_doccano(rows: Sequence[RawRow], names: FieldNames) -> bool:
    """Whether JSON lines are doccano's: every row has a list of labels and none has a theme."""
    return bool(rows) and all(
        isinstance(row.fields.get("label", row.fields.get("labels")), list) and names.theme not in row.fields
        for row in rows
    )


def to_doccano(row: Row) -> Row:
    """A canonical row for doccano: labels with the name of their field before them, all else as `meta`."""
    labels = [f"{key}:{label}" for key in _LABEL_KEYS for label in _as_list(row.get(key))]
    meta = {key: value for key, value in row.items() if key not in ("text", *_LABEL_KEYS)}
    return {"text": row["text"], "label": labels, **({"meta": meta} if meta else {})}


def from_doccano(
    rows: Sequence[RawRow], *, name: str, names: FieldNames, taxonomy: Taxonomy | None
) -> list[RawRow]:
    """Rows of doccano lines.

    A label without a prefix is the stance where the taxonomy knows it as a stance and not as a theme; of
    the others the first is the theme and the rest are secondary ones.

    Raises:
        LabelError: A line has no list of labels.
    """
    found = []
    for row in rows:
        fields = dict(row.fields)
        labels = fields.pop("label", fields.pop("labels", None))
        if not isinstance(labels, list):
            raise LabelError(f"{name}, line {row.line}: no list 'label'; fields: {', '.join(row.fields)}")
        meta = fields.pop("meta", None)
        # doccano numbers the texts itself; an id of ours lies in meta and comes first.
        fields = {**fields, **_mapping(meta)} if isinstance(meta, dict) else fields
        found.append(RawRow(row.line, fields | _sorted_labels(map(str, labels), names, taxonomy)))
    return found


def _sorted_labels(labels: object, names: FieldNames, taxonomy: Taxonomy | None) -> Row:
    themes: list[str] = []
    also: list[str] = []
    stances: list[str] = []
    for label in labels:  # type: ignore[attr-defined]
        key = next((_PREFIXES[prefix] for prefix in _PREFIXES if label.startswith(prefix)), None)
        value = label.partition(":")[2] if key else label
        if key == "stance" or (key is None and _is_stance(value, taxonomy)):
            stances.append(value)
        elif key == "also":
            also.append(value)
        else:
            themes.append(value)
    row: Row = {"also": [*themes[1:], *also]}
    if themes:
        row[names.theme] = themes[0]
    if stances:
        row[names.stance] = stances[0]
    return row


def _is_stance(label: str, taxonomy: Taxonomy | None) -> bool:
    if taxonomy is None:
        return False
    try:
        taxonomy.find_theme(label)
    except TaxonomyError:
        try:
            taxonomy.find_stance(label)
        except TaxonomyError:
            return False
        return True
    return False


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _as_list(value: object) -> list[str]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) and value else []


def _single(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
