"""Accounts with many entries, whose state is kept in snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from importlib import import_module
from uuid import UUID

from sqlalchemy import Engine

from sequent_sa import AggregateRoot, Command, CommandHandler, Event, Sequent, ValueObject, on, unique_key


class OpenAccount(Command):
    iban: str


class Book(Command):
    amount: Decimal
    texts: list[str]


class Move(Command):
    iban: str


class Break(Command):
    """Has the account hold something that no snapshot can have."""


class Entry(ValueObject):
    amount: Decimal
    text: str


class AccountOpened(Event):
    iban: str


class Booked(Event):
    entry: Entry


class Moved(Event):
    iban: str


class Broken(Event):
    """The account cannot have a snapshot any more."""


class LedgerCommandHandler(CommandHandler):
    """Works for every version of the account."""

    account_type: type[AnyAccount]

    @on(OpenAccount)
    def open(self, command: OpenAccount) -> None:
        self.repository.add_aggregate(self.account_type(command))

    @on(Book)
    def book(self, command: Book) -> None:
        account = self.aggregate(command, self.account_type)
        for text in command.texts:
            account.apply(Booked, entry=Entry(amount=command.amount, text=text))

    @on(Move)
    def move(self, command: Move) -> None:
        self.aggregate(command, self.account_type).apply(Moved, iban=command.iban)

    @on(Break)
    def break_(self, command: Break) -> None:
        self.aggregate(command, self.account_type).apply(Broken)


class AnyAccount(AggregateRoot):
    iban: str = ""
    balance: Decimal = Decimal(0)
    entries: list[Entry] = []  # noqa: RUF012 - the framework copies it
    texts: set[str] = set()  # noqa: RUF012 - the framework copies it
    by_text: dict[str, int] = {}  # noqa: RUF012 - the framework copies it
    broken: object = None

    def __init__(self, command: OpenAccount) -> None:
        super().__init__(command.aggregate_id)
        self.apply(AccountOpened, iban=command.iban)

    def events_partition_key(self) -> str:
        return self.iban[:2]

    @unique_key("iban")
    def _iban_is_unique(self) -> dict[str, object] | None:
        return {"iban": self.iban} if self.iban else None

    @on(AccountOpened, Moved)
    def _moved(self, event: AccountOpened | Moved) -> None:
        self.iban = event.iban

    @on(Booked)
    def _booked(self, event: Booked) -> None:
        self.balance += event.entry.amount
        self.entries.append(event.entry)
        self.texts.add(event.entry.text)
        self.by_text[event.entry.text] = self.by_text.get(event.entry.text, 0) + 1

    @on(Broken)
    def _broken(self, _: Broken) -> None:
        self.broken = Entry(amount=Decimal(1), text="not declared as an Entry")


def new_app(database: str | Engine, version: str = "version_1", *, retired_events: Sequence[str] = ()) -> Sequent:
    """The application on a database, with the accounts of a module of this package."""
    module = import_module(f"{__name__}.{version}")
    return Sequent(
        database, command_handlers=[module.AccountCommandHandler], retired_events=retired_events, environment="test"
    )


def state(account: AggregateRoot) -> dict[str, object]:
    """All that there is to know about an account."""
    names = ("iban", "balance", "entries", "texts", "by_text", "version", "created_at", "unique_keys")
    known = {name: getattr(account, name) for name in names[:-1]}
    return known | {"unique_keys": account.unique_keys(), "partition_key": account.events_partition_key()}


def entered(app: Sequent, aggregate_id: UUID, *texts: str) -> None:
    """Book one entry for each text."""
    app.execute_commands(Book(aggregate_id=aggregate_id, amount=Decimal("1.10"), texts=list(texts)))
