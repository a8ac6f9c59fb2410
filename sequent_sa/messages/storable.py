"""What a database can hold."""

from __future__ import annotations

from decimal import Decimal

_MOST_DIGITS = 4000
_MOST_BITS = 13_287  # what so many digits take


def is_storable_text(text: str) -> bool:
    """Whether a database can hold the text: it has no NUL and no lone surrogate."""
    if text.isascii():
        return "\x00" not in text
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def is_huge(number: float | Decimal) -> bool:
    """Whether writing the number in full takes thousands of digits."""
    # A short text may stand for a number with a billion digits, which nothing can work with; and Python refuses to
    # write an integer of more than some thousand digits.
    if isinstance(number, Decimal):
        return number.is_finite() and abs(number.adjusted()) >= _MOST_DIGITS
    return isinstance(number, int) and number.bit_length() > _MOST_BITS
