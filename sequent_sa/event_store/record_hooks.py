"""Columns of the application's own beside commands and events, filled when these are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, inspect
from sqlalchemy.schema import CreateColumn

from sequent_sa.dialects import Failure, FailureKind
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.tables import commands, events

CommandHooks = Mapping[Column[Any], Callable[[BaseCommand], object]]
EventHooks = Mapping[Column[Any], Callable[[Event], object]]


@dataclass(frozen=True, kw_only=True)
class RecordHooks:
    """What is stored in columns that a migration of the application added to the tables `commands` and `events`.

    Each column has a function that is called with every command or event, once, in the transaction that stores it.
    Rows that others store have nothing in these columns, so they must take NULL or have a default in the database.
    Raises `ConfigurationError` for a column that the table has already.
    """

    commands: CommandHooks = field(default_factory=dict[Column[Any], Callable[[BaseCommand], object]])
    events: EventHooks = field(default_factory=dict[Column[Any], Callable[[Event], object]])

    def __post_init__(self) -> None:
        _ = self.commands_table, self.events_table

    @cached_property
    def commands_table(self) -> Table:
        """The table of commands, these columns included: for queries."""
        return _with_columns(commands, self.commands)

    @cached_property
    def events_table(self) -> Table:
        """The table of events, these columns included: for queries."""
        return _with_columns(events, self.events)

    def of_command(self, command: BaseCommand) -> dict[str, object]:
        """The values beside a command, by the names of their parameters."""
        return {parameter(column.name): value(command) for column, value in self.commands.items()}

    def of_event(self, event: Event) -> dict[str, object]:
        """The values beside an event, by the names of their parameters."""
        return {parameter(column.name): value(event) for column, value in self.events.items()}

    def add_columns(self, connection: Connection) -> None:
        """Add the columns that the tables lack, in a database whose tables were made without migrations."""
        schemas: Mapping[Any, str | None] = connection.get_execution_options().get("schema_translate_map") or {}
        for table, own in ((commands, self.commands), (events, self.events)):
            schema = schemas.get(table.schema, table.schema)
            known = {column["name"] for column in inspect(connection).get_columns(table.name, schema=schema)}
            for column in own:
                if column.name not in known:
                    definition = CreateColumn(_copy(column)).compile(dialect=connection.dialect)
                    name = f"{schema}.{table.name}" if schema else table.name
                    connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {definition}")

    @staticmethod
    def explain(failure: Failure, error: BaseException) -> ConfigurationError | None:
        """The error for a column that the database does not have."""
        if failure.kind is not FailureKind.COLUMN_MISSING:
            return None
        reason = str(error).splitlines()[0]
        return ConfigurationError(
            f"a column of `record_hooks` is not in the database ({reason}): add it in a migration of the application, "
            'such as `op.add_column("events", sa.Column(...), schema="sequent_schema")`'
        )


def parameter(column: str) -> str:
    """What the value for a column is called in statements, where the other values have names too."""
    return f"own_{column}"


def _copy(column: Column[Any]) -> Column[Any]:
    return Column(column.name, column.type, nullable=column.nullable, server_default=column.server_default)


def _with_columns(table: Table, own: Mapping[Column[Any], object]) -> Table:
    for column in own:
        if column.name in table.c:
            raise ConfigurationError(
                f"record_hooks: {table.name} has a column {column.name} already: give yours another name"
            )
    # Without keys: this is for inserting and for queries.
    stored = [Column(column.name, column.type) for column in table.c]
    return Table(table.name, MetaData(schema=table.schema), *stored, *map(_copy, own))
