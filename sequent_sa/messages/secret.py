"""Secret: hashed after validation, never printed, verified in constant time."""

from __future__ import annotations

import hmac

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()


class Secret:
    """A password, in clear as the user typed it, or as its Argon2id hash.

    Neither `repr` nor `str` shows it. Two secrets are equal when what they wrap is equal. Raises `ValueError` when
    it is blank, and `TypeError` when it is not text.
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
        object.__setattr__(self, "_value", clear)
        object.__setattr__(self, "_is_hashed", isinstance(value, Secret) and value._is_hashed)

    @classmethod
    def from_hash(cls, hashed: str) -> Secret:
        """Wrap a stored hash. Raises `ValueError` when it is blank."""
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
        """Whether `clear_text` is the secret; a blank one never is. Takes the same time for any wrong one."""
        if not clear_text.strip():
            return False
        if not self._is_hashed:
            return hmac.compare_digest(self._value.encode(), clear_text.encode())
        try:
            return _hasher.verify(self._value, clear_text)
        except (VerificationError, InvalidHashError):
            return False

    def needs_rehash(self) -> bool:
        """Whether the hash was made with weaker parameters than are used now."""
        return _hasher.check_needs_rehash(self.hashed_value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Secret cannot be changed")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return (Secret.from_hash if self._is_hashed else Secret, (self._value,))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__
