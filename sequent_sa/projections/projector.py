"""The base class of what keeps view tables up to date with the events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, Never, ParamSpec, TypeVar, cast
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Executable, text

from sequent_sa import _clock
from sequent_sa.exceptions import ConfigurationError, NotManagedByThisProjector, RecordNotFound
from sequent_sa.messages.class_keywords import alias_names, refuse_keywords
from sequent_sa.messages.event import Event
from sequent_sa.messages.message import Message
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.projections.persistors.persistor import Persistor
from sequent_sa.projections.persistors.record_statements import own
from sequent_sa.projections.persistors.record_table import Where, record_table

P = ParamSpec("P")
R = TypeVar("R")
ReplayBy = Literal["aggregate", "store"]
_KEYWORDS = ("manages_tables", "version", "name", "aliases", "replay_by", "keep_indexes")


class Projector(MessageHandler):
    """Writes the records of the tables that it manages, and touches no others.

    Class keywords: `manages_tables` (an empty tuple is a mistake; `None` says that there are none); `version`, to be
    raised whenever a replay would give other rows; `name`, under which the database knows it (default: the class
    name), and `aliases`, under which it knew it before; `replay_by="store"` for read models that need the events of
    all aggregates in the order of commands.

    Raises `ConfigurationError` at class definition for matchers (a replay must know which types to read), and for
    tables that are not mapped classes. `keep_indexes` are names of indexes, or patterns such as `"posts_*"`, that a
    replay keeps from its beginning, because the projector looks rows up by them; it makes the others at its end.
    """

    __handles__: ClassVar[type[Message]] = Event
    __type_name__: ClassVar[str] = "Projector"
    __type_aliases__: ClassVar[tuple[str, ...]] = ()
    __abstract__: ClassVar[bool] = True
    managed_tables: ClassVar[tuple[type, ...] | None] = None
    version: ClassVar[int] = 1
    replay_by: ClassVar[ReplayBy] = "aggregate"
    keep_indexes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls,
        *,
        manages_tables: Iterable[type] | Literal["inherited"] | None = "inherited",
        version: int | None = None,
        name: str | None = None,
        aliases: Iterable[str] = (),
        replay_by: ReplayBy | None = None,
        keep_indexes: Iterable[str] | None = None,
        **unknown: Never,
    ) -> None:
        refuse_keywords(cls.__name__, unknown, _KEYWORDS)
        super().__init_subclass__()
        cls.__type_name__ = name or cls.__name__
        cls.__type_aliases__ = alias_names(cls.__name__, aliases)
        cls.__abstract__ = bool(vars(cls).get("__abstract__", False))
        if manages_tables != "inherited":
            cls.managed_tables = () if manages_tables is None else _checked_tables(cls, manages_tables)
        if version is not None:
            if version < 1:
                raise ConfigurationError(f"{cls.__name__}: version must be 1 or more, not {version}")
            cls.version = version
        cls.replay_by = replay_by or cls.replay_by
        if keep_indexes is not None:
            cls.keep_indexes = (keep_indexes,) if isinstance(keep_indexes, str) else tuple(keep_indexes)
        if cls.has_matchers():
            raise ConfigurationError(
                f"{cls.__name__} handles events by a matcher: name the event classes in `@on(...)`, "
                "so that a replay knows which events to read"
            )

    @classmethod
    def handled_events(cls) -> tuple[type[Event], ...]:
        """The classes of the events that this projector handles."""
        return tuple(message for message in cls.handled_types() if issubclass(message, Event))

    @classmethod
    def after_prepare(cls, connection: Connection) -> None:
        """Called at the end of preparing a replay, to change the tables that it will fill; by default nothing is done.

        The tables of `view_schema` mean those: use SQLAlchemy's `Table`s, or names without a schema. On SQLite it is
        called again when going live, before the rows come in.
        """

    @classmethod
    def after_swap(cls, connection: Connection) -> None:
        """Called in the transaction that goes live, when the new rows are in place; by default nothing is done.

        This is where what depends on the former tables, such as a materialized view, is made anew. An error undoes
        everything, and going live can be tried again.
        """

    @classmethod
    def looks_after_dependents(cls) -> bool:
        """Whether this projector defines `after_swap`."""
        return any("after_swap" in vars(base) for base in cls.__mro__ if base is not Projector)

    @classmethod
    def require_tables(cls) -> None:
        """Raises `ConfigurationError` when this class does not say which tables it manages."""
        if cls.managed_tables is None:
            raise ConfigurationError(
                f"{cls.__name__} does not say which tables it manages: declare "
                f"`class {cls.__name__}(Projector, manages_tables=(SomeRecord,))`, or manages_tables=None"
            )

    def __init__(self, persistor: Persistor) -> None:
        self.require_tables()
        self._persistor = persistor

    def create_record(self, record_type: Callable[P, R], /, *args: P.args, **values: P.kwargs) -> R:
        """Store a new record and return it. A column `updated_at` without a value gets that of `created_at`."""
        record = record_type(*args, **values)
        self._insert([record])
        return record

    def create_records(self, records: Sequence[R]) -> None:
        """Store new records, which may be of several classes."""
        self._insert(records)

    def create_or_update_record(
        self,
        record_type: type[R],
        values: Mapping[str, Any],
        change: Callable[[R], object] | None = None,
        *,
        created_at: datetime | None = None,
    ) -> R:
        """Change the record that has these values, or one that is created with them; returns it.

        `created_at` (default: now) is set on a new record that has such a column.
        """
        found = self.find_records(record_type, values)
        if found:
            self._change(record_type, found[0], change)
            return found[0]
        extra = {"created_at": created_at or _clock.now()} if "created_at" in record_table(record_type).columns else {}
        record = record_type(**{**extra, **values})
        if change is not None:
            change(record)
        self._insert([record])
        return record

    def update_record(
        self,
        record_type: type[R],
        event: Event,
        change: Callable[[R], object] | None = None,
        *,
        where: Where | None = None,
        update_sequence_number: bool | None = None,
    ) -> R:
        """Change the record of the event's aggregate, or the first that matches `where`, and return it.

        Columns named `updated_at` and `sequence_number` are set from the event, where the record has them.
        Raises `RecordNotFound`.
        """
        condition = where or {"aggregate_id": event.aggregate_id}
        columns = record_table(record_type).columns
        numbered = "sequence_number" in columns if update_sequence_number is None else update_sequence_number

        def apply(record: R) -> None:
            if "updated_at" in columns:
                record.updated_at = event.created_at  # type: ignore[attr-defined]
            if change is not None:
                change(record)
            if numbered:
                record.sequence_number = event.sequence_number  # type: ignore[attr-defined]

        return self.do_with_record(record_type, condition, apply)

    def update_all_records(self, record_type: type[R], where: Where, changes: Mapping[str, Any]) -> None:
        """Set columns of all records that match."""
        self._managed(record_type)
        self._persistor.update_all(record_type, where, changes)

    def delete_record(self, record: object) -> None:
        """Remove a record; nothing happens when it is not there."""
        self._managed(type(record))
        self._persistor.delete(type(record), record)

    def delete_all_records(self, record_type: type[R], where: Where) -> None:
        """Remove all records that match."""
        self._managed(record_type)
        self._persistor.delete_all(record_type, where)

    def get_record(self, record_type: type[R], where: Where) -> R | None:
        """The first record that matches, by primary key, or None."""
        found = self.find_records(record_type, where)
        return found[0] if found else None

    def get_record_or_raise(self, record_type: type[R], where: Where) -> R:
        """The first record that matches. Raises `RecordNotFound`."""
        record = self.get_record(record_type, where)
        if record is None:
            raise RecordNotFound(record_type, where)
        return record

    def find_records(self, record_type: type[R], where: Where) -> list[R]:
        """All records that match, ordered by primary key."""
        self._managed(record_type)
        return self._persistor.find(record_type, where)

    def last_record(self, record_type: type[R], where: Where) -> R | None:
        """The record that matches with the greatest primary key, or None."""
        found = self.find_records(record_type, where)
        return found[-1] if found else None

    def do_with_record(self, record_type: type[R], where: Where, change: Callable[[R], object]) -> R:
        """Change the first record that matches, and return it. Raises `RecordNotFound`."""
        record = self.get_record_or_raise(record_type, where)
        self._change(record_type, record, change)
        return record

    def do_with_records(self, record_type: type[R], where: Where, change: Callable[[R], object]) -> None:
        """Change all records that match."""
        for record in self.find_records(record_type, where):
            self._change(record_type, record, change)

    def execute_sql(self, statement: str | Executable, **parameters: Any) -> CursorResult[Any]:
        """Run text with named parameters (`:name`), or a statement of SQLAlchemy; impossible in a replay by aggregate.

        A statement about record classes or their tables, such as `update(PostRecord)`, finds them live and in a replay.
        In text write the names of tables without a schema, since a replay has them elsewhere; on PostgreSQL the
        `search_path` of the application's connections must then name `view_schema`. Raises `ReplayError` when a replay
        meets that name in text, also in text that is a part of a statement.
        """
        return self._persistor.execute_sql(text(statement) if isinstance(statement, str) else statement, parameters)

    def erase(self, aggregate_ids: Sequence[UUID]) -> None:
        """Remove what the managed tables hold about aggregates that are erased, in the transaction that does so.

        By default the records whose `aggregate_id` is one of these. Override it for tables that hold more about them,
        or that have no such column. It is called once more for the tables that the last replay replaced; a table that
        does not exist has no records. Raises `ConfigurationError` for a table without `aggregate_id`.
        """
        for record_type in self.managed_tables or ():
            if "aggregate_id" not in record_table(record_type).columns:
                raise ConfigurationError(
                    f"{record_type.__name__} has no aggregate_id: define {type(self).__name__}.erase(self, "
                    "aggregate_ids), which removes what the table holds about these aggregates, if anything"
                )
            self.delete_all_records(record_type, {"aggregate_id": list(aggregate_ids)})

    def _insert(self, records: Sequence[Any]) -> None:
        by_type: dict[type[object], list[Any]] = {}
        for record in records:
            record_type = cast("type[object]", type(record))
            self._managed(record_type)
            record_table(record_type).fill_defaults(record)
            by_type.setdefault(record_type, []).append(record)
        for record_type, same in by_type.items():
            self._persistor.insert(record_type, same)

    def _change(self, record_type: type[R], record: R, change: Callable[[R], object] | None) -> None:
        if change is None:
            return
        # A list or dict that is changed in its place must not change here as well.
        before = {name: own(value) for name, value in record_table(record_type).values(record).items()}
        change(record)
        self._persistor.save(record_type, record, before)

    def _managed(self, record_type: type) -> None:
        if record_type not in (self.managed_tables or ()):
            raise NotManagedByThisProjector(type(self), record_type)


def _checked_tables(projector: type, tables: Iterable[type]) -> tuple[type, ...]:
    checked = tuple(tables)
    if not checked:
        raise ConfigurationError(
            f"{projector.__name__} manages an empty list of tables: name at least one, or say manages_tables=None"
        )
    for table in checked:
        if not hasattr(table, "__mapper__"):
            raise ConfigurationError(f"{projector.__name__} cannot manage {table!r}: it is not a mapped record class")
    return checked


def managed_records(handlers: Iterable[type]) -> list[type]:
    """The classes of the records that the projectors among some handlers write."""
    projectors = [handler for handler in handlers if issubclass(handler, Projector)]
    return [record for projector in projectors for record in projector.managed_tables or ()]
