"""Crosswalks: from the themes of a taxonomy to the codes of another scheme, many to one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from policylens.data.errors import ConfigError, TaxonomyError
from policylens.data.strict_yaml import entries_of, load_yaml, mapping_of, text_of
from policylens.data.taxonomy import Taxonomy

CROSSWALKS = Path(__file__).parent / "crosswalks"
FITS = ("close", "part", "loose")

_FILE_KEYS = ("name", "title", "taxonomy", "targets", "themes")
_TARGET_KEYS = ("code", "name_en", "name_zh")
_THEME_KEYS = ("theme", "code", "fit", "why")

Code = int | str


@dataclass(frozen=True, slots=True)
class Target:
    """A class of the other scheme."""

    code: Code
    name_en: str
    name_zh: str = ""


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """Which class of another scheme each theme goes to.

    Attributes:
        name: Name of the scheme and of the field that a record gets.
        title: The scheme in full.
        taxonomy: Name of the taxonomy whose themes it knows.
        targets: Theme id -> class; None for a theme that has none.
        digest: SHA-256 of the file, for runs that must not change it midway.
    """

    name: str
    title: str
    taxonomy: str
    targets: Mapping[str, Target | None]
    digest: str = ""

    def fields(self, theme: str) -> dict[str, Code | str | None]:
        """What a record with this theme gets: the code, and beside it the English name of the class.

        Both are null for a theme that has no class, and for "", a theme that was held back.
        """
        target = self.targets[theme] if theme else None
        return {
            self.name: target.code if target else None,
            f"{self.name}_name": target.name_en if target else None,
        }

    def check(self, taxonomy: Taxonomy) -> None:
        """Make sure that it knows every theme.

        Raises:
            ConfigError: It does not.
        """
        missing = [theme for theme in taxonomy.theme_ids if theme not in self.targets]
        if missing:
            raise ConfigError(
                f"the crosswalk {self.name!r} is made for the taxonomy {self.taxonomy!r}; it has no entry "
                f"for {len(missing)} themes of {taxonomy.name!r}: {', '.join(missing[:10])}; "
                "write a crosswalk file for it (docs/taxonomies.md) and name that"
            )


def load_crosswalk(name: str | Path) -> Crosswalk:
    """Read a crosswalk: a shipped one by its name, or a YAML file.

    Raises:
        ConfigError: There is neither a shipped one nor a file of this name.
        TaxonomyError: The file is wrong; the message names the file and the place.
    """
    shipped = {path.stem: path for path in sorted(CROSSWALKS.glob("*.yaml"))}
    path = shipped.get(str(name), Path(name))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"no crosswalk {str(name)!r}; shipped: {', '.join(shipped)}; or name a YAML file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"cannot read the crosswalk {path}: {error}") from error
    try:
        return _parse(load_yaml(text), digest=hashlib.sha256(text.encode()).hexdigest())
    except TaxonomyError as error:
        raise TaxonomyError(f"{path}: {error}") from error.__cause__


def _parse(data: object, *, digest: str) -> Crosswalk:
    fields = mapping_of(data, place="top level", known=_FILE_KEYS)
    name = text_of(fields, "name", place="top level")
    if not name.isidentifier():
        raise TaxonomyError(f"name: {name!r} becomes the name of a field; expected letters, digits and '_'")
    classes = {
        target.code: target
        for target in (_target(entry, place=place) for place, entry in entries_of(fields, "targets"))
    }
    targets: dict[str, Target | None] = {}
    for place, entry in entries_of(fields, "themes"):
        theme, code = _theme(entry, place=place)
        if theme in targets:
            raise TaxonomyError(f"{place}: the theme {theme!r} has an entry already")
        if code is not None and code not in classes:
            raise TaxonomyError(f"{place} ({theme}): no target has the code {code!r}")
        targets[theme] = None if code is None else classes[code]
    return Crosswalk(
        name=name,
        title=text_of(fields, "title", place="top level"),
        taxonomy=text_of(fields, "taxonomy", place="top level"),
        targets=targets,
        digest=digest,
    )


def _target(entry: object, *, place: str) -> Target:
    fields = mapping_of(entry, place=place, known=_TARGET_KEYS)
    code = _code(fields, place=place)
    if code is None:
        raise TaxonomyError(f"{place}: the key 'code' is missing")
    name_zh = text_of(fields, "name_zh", place=place) if "name_zh" in fields else ""
    return Target(code, text_of(fields, "name_en", place=place), name_zh)


def _theme(entry: object, *, place: str) -> tuple[str, Code | None]:
    fields = mapping_of(entry, place=place, known=_THEME_KEYS)
    if "code" not in fields:
        raise TaxonomyError(f"{place}: the key 'code' is missing; null for a theme that has none")
    fit = fields.get("fit", FITS[0])
    if fit not in FITS:
        raise TaxonomyError(f"{place}: fit is {fit!r}; expected one of {', '.join(FITS)}")
    return text_of(fields, "theme", place=place), _code(fields, place=place)


def _code(fields: Mapping[str, object], *, place: str) -> Code | None:
    value = fields.get("code")
    if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
        return value
    raise TaxonomyError(f"{place}: the code is {value!r}; expected a whole number or text")
