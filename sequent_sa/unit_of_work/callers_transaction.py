"""A transaction that the caller began and will end: what is to happen when that really happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, RootTransaction, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.sql.elements import SavepointClause

from sequent_sa.exceptions import UnitOfWorkError
from sequent_sa.unit_of_work.failed_hooks import log_failed_hook
from sequent_sa.unit_of_work.unknown_outcome import say_unknown

Hook = Callable[[], object]

_DUE = "sequent_sa_due"


class Participant(Protocol):
    """An open unit of work that takes part."""

    def about_to_begin_savepoint(self) -> None:
        """Send what is pending: it belongs before the savepoint."""
        ...

    def rolled_back(self, *, within: bool) -> None:
        """Forget what was done since a savepoint that the unit has seen begin (`within`), or all of it."""
        ...


@dataclass(slots=True)
class _Level:
    """What is to happen if the work since a savepoint (or since the transaction began) stays, or is undone."""

    savepoint: str | None
    after_commit: list[Hook] = field(default_factory=list[Hook])
    after_rollback: list[Hook] = field(default_factory=list[Hook])


class CallersTransaction:
    """Follows a transaction of SQLAlchemy to its end.

    Hooks run when the outermost transaction has ended: those for after the commit if it committed and no savepoint
    around them was rolled back, those for after a rollback otherwise, and neither when nobody knows how it ended. A
    session has given its connection back by then, if it has one of its own. `committed` is None from when the commit
    begins until it is known how that went.
    """

    def __init__(self, connection: Connection, owner: Session | None) -> None:
        self._owner = owner
        self._levels = [_Level(None)]
        self._undone: list[Hook] = []
        self._participants: list[tuple[Participant, int]] = []
        self.committed: bool | None = False
        for name, listener in _SAVEPOINT_EVENTS.items():
            if not event.contains(connection, name, listener):
                event.listen(connection, name, listener)

    @classmethod
    def of(cls, connection: Connection, owner: Session | None) -> CallersTransaction:
        """The one of a connection, on which a transaction is open. `owner` is the session that will end it.

        Raises `UnitOfWorkError` for a transaction in two phases.
        """
        transaction = connection.get_transaction()
        assert transaction is not None
        known = _followed.get(transaction)
        if known is not None:
            return known
        if type(transaction) is not RootTransaction:
            raise UnitOfWorkError(
                f"nobody can take part in a {type(transaction).__name__}: who commits a transaction in two phases may "
                "be another process, which knows no hooks; use an ordinary transaction"
            )
        followed = _followed[transaction] = cls(connection, owner)
        transaction.__class__ = _FollowedTransaction
        return followed

    def keep(self, after_commit: Sequence[Hook], after_rollback: Sequence[Hook]) -> None:
        """Have hooks called when it is known how the transaction ended."""
        self._levels[-1].after_commit += after_commit
        self._levels[-1].after_rollback += after_rollback

    def undone(self, after_rollback: Sequence[Hook]) -> None:
        """Have hooks called at the end of the transaction, whichever it is: what they belong to was rolled back."""
        self._undone += after_rollback

    def join(self, participant: Participant) -> None:
        """Tell a unit of work about savepoints from now on."""
        self._participants.append((participant, len(self._levels)))

    def leave(self, participant: Participant) -> None:
        """Tell it no more."""
        self._participants = [each for each in self._participants if each[0] is not participant]

    def savepoint(self, name: str) -> None:
        """A savepoint is about to begin."""
        for participant, _ in self._participants:
            participant.about_to_begin_savepoint()
        self._levels.append(_Level(name))

    def released(self, name: str) -> None:
        """A savepoint is about to become part of what is around it."""
        while self._depth(name):
            level = self._levels.pop()
            self.keep(level.after_commit, level.after_rollback)

    def rolled_back_to(self, name: str) -> None:
        """What was done since a savepoint is about to be undone; an unknown one is older than all that is known."""
        depth = self._depth(name)
        undone, self._levels[depth:] = self._levels[depth:], []
        if not self._levels:
            self._levels.append(_Level(None))
        for level in undone:
            self._undone += level.after_rollback
        for participant, since in self._participants:
            if since > depth or depth == 0:
                participant.rolled_back(within=False)
            else:
                participant.rolled_back(within=True)

    def refuse_while_open(self) -> None:
        """Raise `UnitOfWorkError` while a unit of work takes part whose block has not ended."""
        if self._participants:
            raise UnitOfWorkError(
                "a unit of work still takes part in this transaction: commit it after the block of `app.joined`"
            )

    def refused(self, error: BaseException) -> None:
        """The commit did not end well: it was not made, unless nobody knows."""
        if isinstance(error, SQLAlchemyError) and not getattr(error, "connection_invalidated", False):
            self.committed = False
        elif self.committed is None:
            say_unknown(error)

    def ended(self) -> None:
        """Run the hooks, or let the session do so when it has given its connection back."""
        if not self.committed:
            for participant, _ in self._participants:
                participant.rolled_back(within=False)
        hooks = self._hooks()
        if self._owner is not None and self._owner.in_transaction():
            self._owner.info.setdefault(_DUE, []).append(hooks)
            if not event.contains(self._owner, "after_transaction_end", _session_ended):
                event.listen(self._owner, "after_transaction_end", _session_ended)
        else:
            hooks()

    def _depth(self, name: str) -> int:
        return next((depth for depth, level in enumerate(self._levels) if level.savepoint == name), 0)

    def _hooks(self) -> Hook:
        committed = self.committed
        after_commit = [hook for level in self._levels for hook in level.after_commit if committed]
        after_rollback = [hook for level in self._levels for hook in level.after_rollback if committed is False]

        def run() -> None:
            run_after_rollback([*self._undone, *after_rollback])
            for hook in after_commit:
                hook()

        return run


def run_after_rollback(hooks: Sequence[Hook]) -> None:
    """Run hooks that must not hide the error which caused the rollback."""
    for hook in hooks:
        try:
            hook()
        except Exception as error:
            log_failed_hook("after-rollback", hook, error)


class _FollowedTransaction(RootTransaction):
    """Says how it ended. SQLAlchemy has an event before a commit, and none after it."""

    __slots__ = ()

    def commit(self) -> None:
        """Commit, and run the hooks."""
        followed = _followed.get(self)
        if followed is None or not self.is_active:  # SQLAlchemy refuses to commit it a second time
            super().commit()
            return
        followed.refuse_while_open()
        try:
            followed.committed = None
            super().commit()
            followed.committed = True
        except BaseException as error:
            followed.refused(error)
            raise
        self._ended()

    def rollback(self) -> None:
        """Roll back, and run the hooks."""
        try:
            super().rollback()
        finally:
            self._ended()

    def close(self) -> None:
        """Roll back if that is still to be done, and run the hooks."""
        try:
            super().close()
        finally:
            self._ended()

    def _ended(self) -> None:
        followed = _followed.pop(self, None)
        if followed is not None:
            followed.ended()


# By transaction and not by application: several applications may take part in one.
_followed: WeakKeyDictionary[RootTransaction, CallersTransaction] = WeakKeyDictionary()


def _of(connection: Connection) -> CallersTransaction | None:
    transaction = connection.get_transaction()
    return _followed.get(transaction) if transaction is not None else None


def _executing(connection: Connection, statement: object, *_: object) -> None:
    # The event for a savepoint that begins does not know its name yet.
    followed = _of(connection) if isinstance(statement, SavepointClause) else None
    if followed is not None and isinstance(statement, SavepointClause):
        followed.savepoint(str(statement.ident))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _released(connection: Connection, name: str, _context: None) -> None:
    followed = _of(connection)
    if followed is not None:
        followed.released(name)


def _rolled_back(connection: Connection, name: str, _context: None) -> None:
    followed = _of(connection)
    if followed is not None:
        followed.rolled_back_to(name)


_SAVEPOINT_EVENTS: dict[str, Callable[..., None]] = {
    "before_execute": _executing,
    "release_savepoint": _released,
    "rollback_savepoint": _rolled_back,
}


def _session_ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        due: list[Hook] = session.info.pop(_DUE, [])
        for hooks in due:
            hooks()
