"""ValueObject: a nested message without identity."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import marshmallow

from sequent_sa.messages.form_fields import form_fields
from sequent_sa.messages.message import Message
from sequent_sa.messages.schemas import LazySchema


class ValueObject(Message):
    """Attributes that belong together, without an identity; used inside commands, events and each other."""

    __nestable__: ClassVar[bool] = True

    Schema: ClassVar[type[marshmallow.Schema]] = cast("Any", LazySchema("input"))
    StoredSchema: ClassVar[type[marshmallow.Schema]] = cast("Any", LazySchema("stored"))

    def to_params(self, prefix: str | None = None) -> dict[str, str]:
        """The fields of a form that would give this value object, by name. Secrets are not among them."""
        return form_fields(self, prefix)
