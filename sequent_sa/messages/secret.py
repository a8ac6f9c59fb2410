"""Secret: hashed after validation, never printed, verified in constant time."""

from __future__ import annotations

import hmac
import re
from typing import cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
_HASH = re.compile(r"\$[a-z0-9-]+\$")


class Secret:
    """A password, in clear as the user typed it, or as its Argon2id hash.

    Neither `repr`, `str` nor `format` shows it, and no pickle holds it in clear. Two secrets are equal when what they
    wrap is equal. Raises `ValueError` when it is blank or cannot be encoded, and `TypeError` when it is not text.
    """

    __slots__ = ("_is_hashed", "_value")

    _value: str
    _is_hashed: bool

    def __init__(self, value: str | Secret) -> None:
        clear = value._value if isinstance(value, Secret) else value
        if not isinstance(clear, str):  # pyright: ignore[reportUnnecessaryIsInstance] # untyped callers
            raise TypeError(f"a Secret wraps text, not {type(clear).__name__}")
        if not clear.strip():
            raise ValueError("a Secret cannot be blank")
        if not _is_encodable(clear):
            raise ValueError("a Secret cannot hold half of a surrogate pair")
        object.__setattr__(self, "_value", clear)
        object.__setattr__(self, "_is_hashed", isinstance(value, Secret) and value._is_hashed)

    @classmethod
    def from_hash(cls, hashed: str) -> Secret:
        """Wrap a stored hash, which begins with how it was made. Raises `ValueError` for what may be clear text."""
        secret = cls._stored(hashed)
        if not _HASH.match(secret._value):
            raise ValueError(
                "this is no hash such as $argon2id$...: wrap clear text with Secret(...), and hash it with hashed()"
            )
        return secret

    @classmethod
    def _stored(cls, hashed: str) -> Secret:
        # History stays readable, whatever it holds.
        secret = cls(hashed)
        object.__setattr__(secret, "_is_hashed", True)
        return secret

    @property
    def is_hashed(self) -> bool:
        """Whether this holds a hash; otherwise it holds the clear text."""
        return self._is_hashed

    @property
    def hashed_value(self) -> str:
        """The hash, as it is stored. Raises `ValueError` while the secret is in clear."""
        if not self._is_hashed:
            raise ValueError("this Secret is not hashed yet: call hashed() first")
        return self._value

    def hashed(self) -> Secret:
        """This secret as its hash; a secret that is hashed already is returned as it is."""
        return self if self._is_hashed else Secret.from_hash(_hasher.hash(self._value))

    def verify(self, clear_text: str) -> bool:
        """Whether `clear_text` is the secret; a blank one never is. Raises `TypeError` when it is not text.

        Takes the same time for any wrong one.
        """
        if not isinstance(clear_text, str):  # pyright: ignore[reportUnnecessaryIsInstance] # untyped callers
            raise TypeError(f"verify() takes the clear text, not {type(clear_text).__name__}")
        if not clear_text.strip() or not _is_encodable(clear_text):
            return False
        if not self._is_hashed:
            return hmac.compare_digest(self._value.encode(), clear_text.encode())
        try:
            return _hasher.verify(self._value, clear_text)
        except (VerificationError, InvalidHashError):
            return False

    def needs_rehash(self) -> bool:
        """Whether the hash was made with weaker parameters than are used now, or is of another kind."""
        try:
            return _hasher.check_needs_rehash(self.hashed_value)
        except InvalidHashError:
            return True

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Secret cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Secret cannot be changed")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        if not self._is_hashed:
            raise TypeError("a Secret in clear cannot be pickled: whoever reads the pickle would know it; use hashed()")
        return (stored_secret, (self._value,))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)


def stored_secret(hashed: object) -> Secret:
    """A secret from what history holds for it, which is not looked at. Raises `ValueError` when that is blank."""
    if isinstance(hashed, dict):  # as Sequent stored it
        hashed = cast("dict[str, object]", hashed).get("value")
    if not isinstance(hashed, str):
        raise ValueError("a stored secret must be text")
    return Secret._stored(hashed)  # pyright: ignore[reportPrivateUsage]


def clear_text(secret: Secret) -> str | None:
    """What a secret in clear wraps, for validators to look at; None when it is hashed."""
    return None if secret._is_hashed else secret._value  # pyright: ignore[reportPrivateUsage]


def _is_encodable(text: str) -> bool:
    # An error of the codec would hold the text.
    return not any("\ud800" <= character <= "\udfff" for character in text)
