"""How the memory of a replay finds rows."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import Projector, ViewRecordBase
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor

ROWS = 1_000


class Record(ViewRecordBase):
    __abstract__ = True


class Tagged(Record):
    """Is looked up by what is not its key."""

    __tablename__ = "tagged_in_memory"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    text: Mapped[str]


class Tags(Projector, manages_tables=(Tagged,)):
    """Does what a test says."""


class Compared(str):
    """Counts how often a value is compared with another one."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other) if isinstance(other, str) else NotImplemented

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    "where",
    [{"name": Compared("7")}, {"text": "same", "name": Compared("7")}, {"name": [Compared("7")], "text": ["same"]}],
    ids=["one", "two", "lists"],
)
def test_a_lookup_does_not_look_at_every_row(where: dict[str, object]) -> None:
    """There is an index of each column that a condition names, and the one that leaves fewest rows is used."""
    tags = Tags(InMemoryPersistor())
    tags.create_records([Tagged(id=UUID(int=i), name=Compared(i), text="same") for i in range(ROWS)])
    tags.find_records(Tagged, where)  # makes the indexes
    Compared.times = 0
    assert [UUID(int=7)] == [each.id for each in tags.find_records(Tagged, where)]
    assert Compared.times < 10
