"""The base class of what carries out commands."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.exceptions import OptimisticLockingError
from sequent_sa.messages.command import BaseCommand, Command, UpdateCommand
from sequent_sa.messages.message import Message
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository

A = TypeVar("A", bound=AggregateRoot)


class CommandHandler(MessageHandler):
    """Creates or loads aggregates and tells them what is wanted; mark its methods with `@on`."""

    __handles__: ClassVar[type[Message]] = BaseCommand

    repository: AggregateRepository

    def bind(self, repository: AggregateRepository) -> None:
        """Give this handler the repository of its application."""
        self.repository = repository

    def aggregate(self, command: Command, aggregate_type: type[A], *, expected_version: int | None = None) -> A:
        """The aggregate that a command is about.

        `expected_version` is the version that the user saw (default: that of an `UpdateCommand`):
        `OptimisticLockingError` when the aggregate has moved on. Raises `AggregateNotFound` and
        `AggregateTypeMismatch`.
        """
        if expected_version is None and isinstance(command, UpdateCommand):
            expected_version = command.sequence_number
        aggregate = self.repository.load_aggregate(command.aggregate_id, aggregate_type)
        if expected_version is not None and aggregate.version != expected_version:
            raise OptimisticLockingError(aggregate_type.__name__, command.aggregate_id, expected_version)
        return aggregate
