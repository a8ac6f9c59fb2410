"""The base of an application's view records."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import MetaData, Uuid
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass

from sequent_sa.tables import ExactDecimal, UtcDateTime

VIEW_SCHEMA = "view_schema"


class ViewRecordBase(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """Derive an abstract base from this in each application, and the view records from that.

    Every such base has a MetaData of its own. Records are keyword-only dataclasses in the schema `view_schema`;
    datetimes are timezone-aware and decimals exact on every database.
    """

    __abstract__ = True
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime(), Decimal: ExactDecimal(), UUID: Uuid()}

    def __init_subclass__(cls, **options: Any) -> None:
        if ViewRecordBase in cls.__bases__ and "metadata" not in vars(cls):
            cls.metadata = MetaData(
                schema=VIEW_SCHEMA,
                naming_convention={
                    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
                    "uq": "%(table_name)s_%(column_0_N_name)s_key",
                    "ck": "%(table_name)s_%(constraint_name)s_check",
                    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
                    "pk": "%(table_name)s_pkey",
                },
            )
        super().__init_subclass__(**options)
