"""Fields of our YAML files, declared once: reader, unknown-field check, JSON Schema and reference come from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

Schema = dict[str, object]

IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"


@dataclass(frozen=True, slots=True)
class Text:
    """Any scalar, taken as the text that was written; `pattern` is a regular expression for the whole of it."""

    what: str = "a text"
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier; `dotted` allows `table.column`."""

    what: str = "a name"
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """Text of the rule language: an expression, a condition clause or a message."""

    what: str = "an expression"


@dataclass(frozen=True, slots=True)
class Duration:
    """`10s`, `1h30m`; at least `minimum_ms`."""

    minimum_ms: int = 1
    maximum_ms: int = 10 * 366 * 86_400_000


@dataclass(frozen=True, slots=True)
class Integer:
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Share:
    """`10%` or `0.1`: more than 0, at most 1."""


@dataclass(frozen=True, slots=True)
class Truth:
    """true or false."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these words; `null` is no word but nothing."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anything:
    """A single value of any kind: text, number, truth value or null."""

    null: bool = True


@dataclass(frozen=True, slots=True)
class Raw:
    """Whatever stands there; somebody else reads it. `what` names it in messages."""

    what: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """`or_one` lets one item stand without the brackets."""

    item: Form
    or_one: bool = False


@dataclass(frozen=True, slots=True)
class MapOf:
    """Keys that the user names, all with values of one form. `key` is the form of the keys."""

    value: Form
    key: Name | Text | Choice = Text("a name")
    clearable: bool = False
    """Entries that are taken over can be taken back: `name: null`."""


@dataclass(frozen=True, slots=True)
class Either:
    """Forms told apart by their YAML shape (scalar, list or mapping)."""

    forms: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping of known fields; `what` names it in messages ("an alarm")."""

    what: str
    fields: tuple[Field, ...]
    doc: str = ""
    elsewhere: Mapping[str, str] | None = None
    """Names that other systems use → the way out."""
    either: tuple[str, ...] = ()
    """Fields of which one at least must be there."""

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    def way_out(self, name: str) -> str:
        """What to write in place of a name that other systems use; "" for any other."""
        return (self.elsewhere or {}).get(name, "")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


@dataclass(frozen=True, slots=True)
class Records:
    """One of several records, told apart by which of their names is there as a field (`kpi:`, `alarm:`)."""

    records: Mapping[str, Record]


Form = (
    Text
    | Name
    | Expression
    | Duration
    | Integer
    | Share
    | Truth
    | Choice
    | Anything
    | Raw
    | ListOf
    | MapOf
    | Either
    | Record
    | Records
)


@dataclass(frozen=True, slots=True)
class Field:
    """`example` is YAML as a user writes it. `later` says what the language will mean by a field that is not built.

    One that is `clearable` can be taken over from elsewhere, and taken back: `name: null`.
    """

    name: str
    form: Form
    doc: str
    example: str = ""
    required: bool = False
    default: str = ""
    later: bool = False
    clearable: bool = False


def schema(form: Form) -> Schema:
    """The JSON Schema (draft 2020-12) of a form."""
    match form:
        case Text(pattern=pattern):
            return {"type": ["string", "number", "boolean"]} | ({"pattern": f"^(?:{pattern})$"} if pattern else {})
        case Name(dotted=dotted):
            return {"type": "string", "pattern": f"^{IDENTIFIER}(\\.{IDENTIFIER})*$" if dotted else f"^{IDENTIFIER}$"}
        case Expression():
            return {"type": ["string", "number", "boolean"]}
        case Duration():
            return {"type": "string", "pattern": DURATION}
        case Integer(minimum, maximum):
            return {"type": "integer", "minimum": minimum, "maximum": maximum}
        case Share():
            return {"anyOf": [{"type": "string", "pattern": r"^[0-9.]+ ?%$"}, {"type": "number", "maximum": 1}]}
        case Truth():
            return {"type": "boolean"}
        case Choice(words):
            return {"enum": [_as_yaml(word) for word in words]}
        case Anything(null):
            return {"type": ["string", "number", "boolean", *(["null"] if null else [])]}
        case Raw():
            return {}
        case ListOf() | MapOf() | Either() | Record() | Records():
            return _nested(form)
        case _:
            assert_never(form)


def _as_yaml(word: str) -> str | int | None:
    """What an editor makes of a word of a choice."""
    if word == "null":
        return None
    return int(word) if word.isdigit() else word


def _nested(form: ListOf | MapOf | Either | Record | Records) -> Schema:
    match form:
        case ListOf(item, or_one):
            items = {"type": "array", "items": schema(item), "minItems": 1}
            return {"anyOf": [schema(item), items]} if or_one else items
        case MapOf(value, key, clearable):
            entry = _or_null(schema(value)) if clearable else schema(value)
            return {"type": "object", "additionalProperties": entry, "propertyNames": _as_key(key)}
        case Either(forms):
            return {"anyOf": [schema(one) for one in forms]}
        case Record():
            return _object(form)
        case Records(records):
            return {"oneOf": [_object(record) for record in records.values()]}
        case _:
            assert_never(form)


def _as_key(key: Name | Text | Choice) -> Schema:
    return schema(key) if not isinstance(key, Text) else {"minLength": 1}


def _object(record: Record) -> Schema:
    built = [field for field in record.fields if not field.later]
    result: Schema = {"type": "object", "properties": {field.name: _property(field) for field in built}}
    required = [field.name for field in built if field.required and not field.clearable]
    if required:
        result["required"] = required
    if record.either:
        result["anyOf"] = [{"required": [name]} for name in record.either]
    return result | {"additionalProperties": False} | ({"description": record.doc} if record.doc else {})


def _property(field: Field) -> Schema:
    taken = schema(field.form)
    described = (_or_null(taken) if field.clearable else taken) | {"description": field.doc}
    return described | ({"examples": [field.example]} if field.example else {})


def _or_null(taken: Schema) -> Schema:
    """The schema of what may also be `null`."""
    kinds, words = taken.get("type"), taken.get("enum")
    if isinstance(words, list):
        return taken | {"enum": [*words, None]}
    if isinstance(kinds, str | list):
        return taken | {"type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
    choices = taken.get("anyOf")
    return taken | {"anyOf": [*choices, {"type": "null"}]} if isinstance(choices, list) else taken
