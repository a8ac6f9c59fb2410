"""Accounts that have none."""

from __future__ import annotations

from tests.ledger import AnyAccount, LedgerCommandHandler


class Account(AnyAccount, name="Account"):
    """An account."""


class AccountCommandHandler(LedgerCommandHandler):
    """Its handler."""

    account_type = Account
