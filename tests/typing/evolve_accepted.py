"""How messages are changed, with target version 3.13; type checkers must accept all of it. Never executed."""

from __future__ import annotations

from uuid import UUID

from sequent_sa.messages.command import Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.value_object import ValueObject


class Money(ValueObject):
    cents: int
    currency: str = "EUR"

    def doubled(self) -> Money:
        return self.evolve(cents=2 * self.cents)


class Pay(Command):
    amount: Money
    note: str | None = None


class Paid(Event):
    amount: Money


class PaidTwice(Paid):
    second: int = 2


def use(pay: Pay, paid: Paid, twice: PaidTwice, user: UUID) -> None:
    noted: Pay = pay.evolve(note="x", user_id=user)
    same: Pay = pay.evolve()
    less: Paid = paid.evolve(amount=paid.amount.evolve(cents=1))
    again: PaidTwice = twice.evolve(second=3, amount=Money(cents=1).doubled(), sequence_number=2)
    print(noted, same, less, again)
