"""The same accounts; what is known about them was computed otherwise before."""

from __future__ import annotations

from tests.ledger import AnyAccount, LedgerCommandHandler


class Account(AnyAccount, name="Account", snapshot_threshold=3, snapshot_version=2):
    """An account."""


class AccountCommandHandler(LedgerCommandHandler):
    """Its handler."""

    account_type = Account
