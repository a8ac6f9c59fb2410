"""What a projector class declares, and what it may touch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import Event, Projector, ViewRecordBase, on
from sequent_sa.exceptions import ConfigurationError, NotManagedByThisProjector
from sequent_sa.messages import matchers
from sequent_sa.projections.persistors.persistor import Persistor
from sequent_sa.projections.projector import managed_records

ID = UUID(int=1)


class Moved(Event):
    pass


class Record(ViewRecordBase):
    __abstract__ = True


class Own(Record):
    __tablename__ = "declared_own"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)


class Foreign(Record):
    __tablename__ = "declared_foreign"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)


class Base(Projector, manages_tables=(Own,), version=3, keep_indexes="own_*", replay_by="store"):
    @on(Moved)
    def moved(self, event: Moved) -> None: ...


class Inheriting(Base):
    pass


class Overriding(Base, manages_tables=(Own, Foreign), version=4, keep_indexes=["a", "b"], replay_by="aggregate"):
    pass


def no_persistor() -> Persistor:
    """Whoever touches it gets an AttributeError."""
    return cast("Persistor", object())


def declared(projector: type[Projector]) -> tuple[object, ...]:
    """What a class says about itself."""
    return projector.managed_tables, projector.version, projector.keep_indexes, projector.replay_by


def test_what_is_declared_is_inherited() -> None:
    """And what a subclass says instead is not the parent's."""
    assert ((Own,), 3, ("own_*",), "store") == declared(Base) == declared(Inheriting)
    assert ((Own, Foreign), 4, ("a", "b"), "aggregate") == declared(Overriding)
    assert (None, 1, (), "aggregate") == declared(Projector)
    assert [Own, Own, Foreign] == managed_records([Base, Overriding])


def test_a_projector_says_its_tables_or_that_it_has_none() -> None:
    """Without a word it cannot be made; none is a choice."""

    class Silent(Projector):
        pass

    class Without(Projector, manages_tables=None):
        pass

    with pytest.raises(ConfigurationError, match=r"Silent does not say which tables it manages: declare `class Silent"):
        Silent(no_persistor())
    assert () == Without(no_persistor()).managed_tables


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"manages_tables": ()},
            "Wrong manages an empty list of tables: name at least one, or",
        ),
        ({"manages_tables": [Moved]}, "Wrong cannot manage .*Moved.*: it is not a mapped record class"),
        ({"version": 0}, "Wrong: version must be 1 or more, not 0"),
    ],
    ids=["no tables", "no record", "no version"],
)
def test_a_mistake_is_an_error_where_it_is_made(options: dict[str, Any], said: str) -> None:
    """It names the class, and says what to write."""
    with pytest.raises(ConfigurationError, match=said):
        type("Wrong", (Projector,), {}, **options)


@pytest.mark.parametrize("matcher", [matchers.any_message(), matchers.is_a(Moved)], ids=["any", "is_a"])
def test_events_are_named(matcher: Any) -> None:
    """A matcher would not tell a replay what to read."""

    def moved(_projector: Any, _event: Moved) -> None: ...

    handler: Any = on(matcher)(moved)
    options: Any = {"manages_tables": None}
    with pytest.raises(ConfigurationError, match=r"Matching handles events by a matcher: name the event classes"):
        type("Matching", (Projector,), {"moved": handler}, **options)


OPERATIONS: dict[str, Callable[[Base], object]] = {
    "create": lambda own: own.create_record(Foreign, aggregate_id=ID),
    "create several": lambda own: own.create_records([Foreign(aggregate_id=ID)]),
    "create or update": lambda own: own.create_or_update_record(Foreign, {"aggregate_id": ID}),
    "update": lambda own: own.update_record(Foreign, Moved(ID, 1)),
    "update all": lambda own: own.update_all_records(Foreign, {}, {}),
    "delete": lambda own: own.delete_record(Foreign(aggregate_id=ID)),
    "delete all": lambda own: own.delete_all_records(Foreign, {}),
    "get": lambda own: own.get_record(Foreign, {}),
    "get or raise": lambda own: own.get_record_or_raise(Foreign, {}),
    "find": lambda own: own.find_records(Foreign, {}),
    "last": lambda own: own.last_record(Foreign, {}),
    "do with one": lambda own: own.do_with_record(Foreign, {}, lambda _: None),
    "do with several": lambda own: own.do_with_records(Foreign, {}, lambda _: None),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_table_of_somebody_else_is_refused(operation: str) -> None:
    """By every operation, before anything is asked of the database; reading is refused too."""
    with pytest.raises(NotManagedByThisProjector, match=r"Inheriting does not manage Foreign: add it to") as raised:
        OPERATIONS[operation](Inheriting(no_persistor()))
    assert (Inheriting, Foreign) == (raised.value.projector, raised.value.record_type)
