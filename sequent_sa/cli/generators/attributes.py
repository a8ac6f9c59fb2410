"""Attributes given on the command line: `date:date price:decimal tags:list[str] note:str?`."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.message import Message

Import = tuple[str, str]
"""A module, and a name in it; nothing for the module itself, ` as dt` for the module under another name."""

DATES = "dt"
_DATES_MODULE: Import = ("datetime", f" as {DATES}")


@dataclass(frozen=True, slots=True)
class Type:
    """A type as it is written: an annotation and a value of it, both with what they need to be imported."""

    annotation: str
    value: str
    imports: tuple[Import, ...] = ()
    value_imports: tuple[Import, ...] = ()


_UUID4 = ("uuid", "uuid4")
_TYPES = {
    "str": Type("str", '"text"'),
    "int": Type("int", "1"),
    "float": Type("float", "1.5"),
    "bool": Type("bool", "True"),
    "decimal": Type("Decimal", 'Decimal("1.50")', (("decimal", "Decimal"),), (("decimal", "Decimal"),)),
    "date": Type("date", "date(2026, 1, 1)", (("datetime", "date"),), (("datetime", "date"),)),
    "datetime": Type(
        "datetime",
        "datetime(2026, 1, 1, tzinfo=UTC)",
        (("datetime", "datetime"),),
        (("datetime", "UTC"), ("datetime", "datetime")),
    ),
    "uuid": Type("UUID", "uuid4()", (("uuid", "UUID"),), (_UUID4,)),
    "secret": Type("Secret", 'Secret("secret").hashed()', (("sequent_sa", "Secret"),), (("sequent_sa", "Secret"),)),
}
_OTHER_NAMES = {"string": "str", "text": "str", "integer": "int", "boolean": "bool", "bigdecimal": "decimal"}
_DATE_TYPES = ("date", "datetime")
_DEEPEST = 10
# Each would hide the type from the annotations behind it.
_NEVER = frozenset({"str", "int", "float", "bool", "list", "dict", DATES})


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a message. `type` is what it is declared as; `is_optional` says that it may be missing."""

    name: str
    type: Type
    is_optional: bool = False

    @property
    def declaration(self) -> str:
        """As it stands in the class."""
        return f"{self.name}: {self.type.annotation}" + (" | None = None" if self.is_optional else "")


def parse_attributes(given: Sequence[str], message_type: type[Message]) -> list[Attribute]:
    """The attributes of a new class under `message_type`.

    Raises `ConfigurationError` for names that are taken or come twice, and for types that are not known.
    """
    attributes = [_parse(text, message_type) for text in given]
    for name, count in Counter(attribute.name for attribute in attributes).items():
        if count > 1:
            raise ConfigurationError(f"the attribute {name!r} is given {count} times")
    return _without_shadows(attributes)


def type_of(annotation: str) -> Type | None:
    """The type that an annotation in the application's own code stands for, if it is one of those known here."""
    text = annotation.replace(" ", "").removesuffix("|None").replace(f"{DATES}.", "")
    try:
        return _type_named(text.lower())
    except ConfigurationError:
        return None


def _parse(text: str, message_type: type[Message]) -> Attribute:
    name, colon, named = text.partition(":")
    if not (colon and named):
        raise ConfigurationError(f"{text!r} is no attribute: write its name and its type, such as price:decimal")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name in _NEVER:
        raise ConfigurationError(
            f"{name!r} is no name for an attribute: begin with a small letter, use letters a-z, digits and _, and "
            "neither a word of Python's nor the name of a type"
        )
    if hasattr(message_type, name) or name in message_type.__envelope__ or name in message_type.__annotations__:
        raise ConfigurationError(f"{name!r} is no name for an attribute: every {message_type.__name__} has one already")
    if named.count("[") > _DEEPEST:
        raise ConfigurationError(f"the type of {name!r} is nested too deep")
    return Attribute(name, _type_named(named.removesuffix("?").lower()), named.endswith("?"))


def _type_named(text: str) -> Type:
    if (inner := _inside(text, "list[")) is not None:
        item = _type_named(inner)
        return Type(f"list[{item.annotation}]", f"[{item.value}]", item.imports, item.value_imports)
    if (inner := _inside(text, "dict[str,")) is not None:
        item = _type_named(inner.strip())
        value = f'{{"key": {item.value}}}'
        return Type(f"dict[str, {item.annotation}]", value, item.imports, item.value_imports)
    try:
        return _TYPES[_OTHER_NAMES.get(text, text)]
    except KeyError:
        raise ConfigurationError(
            f"there is no type {text!r}: use {', '.join(_TYPES)}, list[...] or dict[str,...], with ? for what may be "
            "missing"
        ) from None


def _inside(text: str, opening: str) -> str | None:
    return text[len(opening) : -1] if text.startswith(opening) and text.endswith("]") else None


def _without_shadows(attributes: list[Attribute]) -> list[Attribute]:
    # In a class, `date: date` hides the type from what comes after it.
    names = {attribute.name for attribute in attributes}
    uses = Counter(_dates_in(attributes))
    hidden = {name for name in names & set(_DATE_TYPES) if uses[name] > 1 or _is_its_own_default(attributes, name)}
    if not hidden:
        return attributes
    return [Attribute(each.name, _qualified(each.type), each.is_optional) for each in attributes]


def _dates_in(attributes: Iterable[Attribute]) -> list[str]:
    return [name for each in attributes for module, name in each.type.imports if module == "datetime"]


def _is_its_own_default(attributes: Iterable[Attribute], name: str) -> bool:
    used = [each for each in attributes if ("datetime", name) in each.type.imports]
    return any(each.name != name or each.is_optional for each in used)


def _qualified(known: Type) -> Type:
    if not any(module == "datetime" for module, _ in known.imports):
        return known
    annotation = re.sub(r"\b(date|datetime)\b", rf"{DATES}.\1", known.annotation)
    return Type(annotation, known.value, (_DATES_MODULE,), known.value_imports)
