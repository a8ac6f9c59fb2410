"""Mistakes in changing messages that type checkers must report with target version 3.13. Never executed."""

from __future__ import annotations

from sequent_sa.messages.command import Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.value_object import ValueObject


class Money(ValueObject):
    cents: int


class Pay(Command):
    note: str | None = None


class Paid(Event):
    amount: Money


class PaidTwice(Paid):
    second: int = 2


def use(pay: Pay, paid: Paid, money: Money) -> None:
    pay.evolve(ntoe="x")  # rejected: misspelt
    pay.evolve(note=1)  # rejected: type
    pay.evolve("x")  # rejected: positional
    paid.evolve(second=2)  # rejected: of a subclass
    paid.evolve(amount=2)  # rejected: type
    money.evolve(cents=None)  # rejected: type
    twice: PaidTwice = paid.evolve(amount=money)  # rejected: another class
    print(twice)
