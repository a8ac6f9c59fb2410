"""How a story for a store is told: each step is done to the store and to the model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine

from sequent_sa.exceptions import SequentError, UnitOfWorkError
from sequent_sa.testing.contracts.comparison import same, same_events
from sequent_sa.testing.contracts.domain import SAID, Do
from sequent_sa.testing.contracts.model import Model, ModelChange, Refusal, keys_of, readable
from sequent_sa.testing.contracts.store_under_test import StoreUnderTest
from sequent_sa.testing.contracts.wishes import Wish
from sequent_sa.unit_of_work.unit_of_work import CommittableTransaction


@dataclass
class OpenTransaction:
    """A transaction that has not ended, and what it did."""

    transaction: CommittableTransaction
    changes: list[ModelChange] = field(default_factory=list[ModelChange])


@dataclass
class Reader:
    """Somebody who reads on. `types` are names, `number` that of the last event that was read."""

    types: Sequence[str] | None
    position: str | None = None
    number: int = 0


class Story(RuleBasedStateMachine):
    """A store, the model of it, transactions that are open, and readers. Its subclasses have the rules."""

    def __init__(self, open_store: Callable[[], AbstractContextManager[StoreUnderTest]]) -> None:
        super().__init__()
        self._stack = ExitStack()
        opened = self._stack.enter_context(open_store())
        self.store = opened.store
        self._begin_on_store = opened.begin
        self._begun: list[CommittableTransaction] = []
        self.model = Model()
        self.open: list[OpenTransaction] = []
        self.readers = [Reader(None), Reader([SAID])]

    def teardown(self) -> None:
        """End all transactions, and close the store."""
        for transaction in self._begun:
            transaction.rollback()
        self._stack.close()

    def begin(self) -> CommittableTransaction:
        self._begun.append(self._begin_on_store())
        return self._begun[-1]

    def append_to(self, opened: OpenTransaction, what: Sequence[Wish]) -> bool:
        seen, _ = self.model.after(opened.changes)
        streams = [wish.stream(seen.version(wish.aggregate_id)) for wish in what]
        opened.changes.append(partial(Model.append, streams=streams))
        _, refusals = self.model.after(opened.changes)
        command = Do(aggregate_id=what[0].aggregate_id)
        return not self.refused(
            opened, refusals, lambda: self.store.append(opened.transaction, command, streams), may=True
        )

    def commit_transaction(self, opened: OpenTransaction) -> None:
        expected, refusals = self.model.after(opened.changes)
        if not self.refused(opened, refusals, opened.transaction.commit):
            self.model = expected

    def refused(
        self, opened: OpenTransaction, refusals: set[Refusal], action: Callable[[], object], *, may: bool = False
    ) -> bool:
        """Whether the store refuses, as it must (or, with `may`, as it may); then nothing can be committed any more."""
        try:
            action()
        except SequentError as error:
            if (type(error), getattr(error, "aggregate_id", None)) not in refusals:
                raise AssertionError(f"the store refuses with {error!r}, expected: {refusals or 'nothing'}") from error
        else:
            if refusals and not may:
                raise AssertionError(f"the store accepts what it must refuse: {refusals}")
            return False
        try:
            opened.transaction.commit()
        except UnitOfWorkError:
            opened.transaction.rollback()
            return True
        raise AssertionError("a transaction that was refused can be committed")

    def check_stream(self, transaction: CommittableTransaction, model: Model, aggregate_id: UUID) -> None:
        stored = model.streams.get(aggregate_id)
        stream = self.store.find_event_stream(transaction, aggregate_id)
        same("existence of a stream", stored is not None, self.store.stream_exists(transaction, aggregate_id))
        same("existence of a stream that is looked for", stored is not None, stream is not None)
        if stream is None or stored is None:
            return
        described = (stored.aggregate_type, stored.partition_key, len(stored.events))
        same("stream", described, (stream.aggregate_type, stream.events_partition_key, stream.sequence_number))
        same("unique keys", model.held(aggregate_id), keys_of(stream.unique_keys or {}))
        same_events(readable(stored.events), list(self.store.stream_events(transaction, aggregate_id)))

    @contextmanager
    def reading(self) -> Generator[CommittableTransaction, None, None]:
        transaction = self.begin()
        try:
            yield transaction
        finally:
            transaction.rollback()

    @contextmanager
    def changing(self) -> Generator[CommittableTransaction, None, None]:
        transaction = self.begin()
        try:
            yield transaction
            transaction.commit()
        finally:
            transaction.rollback()
