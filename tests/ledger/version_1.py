"""Accounts that take a snapshot after three events."""

from __future__ import annotations

from tests.ledger import AnyAccount, LedgerCommandHandler


class Account(AnyAccount, name="Account", snapshot_threshold=3):
    """An account."""


class AccountCommandHandler(LedgerCommandHandler):
    """Its handler."""

    account_type = Account
