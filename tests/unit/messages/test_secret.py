"""Secrets are never shown, and verified by their hash."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest

from sequent_sa.messages.secret import Secret

HASHED = Secret("hush").hashed()


def test_the_hash_is_argon2id_and_salted() -> None:
    """Equal secrets have different hashes, which say how they were made."""
    assert HASHED.hashed_value.startswith("$argon2id$")
    assert HASHED != Secret("hush").hashed()


def test_hashing_is_done_once() -> None:
    """A hash is not hashed again, also not when it is wrapped again."""
    assert HASHED is HASHED.hashed()
    assert HASHED == Secret(HASHED).hashed()


def test_verification() -> None:
    """Only the clear text is right: not another, a blank one, or the hash itself."""
    answers = [HASHED.verify(text) for text in ("hush", "hash", "", HASHED.hashed_value)]
    assert [True, False, False, False] == answers
    assert [True, False] == [Secret("hush").verify(text) for text in ("hush", "hash")]
    assert not Secret.from_hash("no hash").verify("no hash")


def test_a_secret_is_never_shown() -> None:
    """Neither repr, str nor format gives it away."""
    secret = Secret("hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]}"


def test_a_secret_cannot_be_blank_or_no_text() -> None:
    """Nothing is no secret."""
    with pytest.raises(ValueError, match="blank"):
        Secret(" ")
    with pytest.raises(TypeError, match="int"):
        Secret(1)  # type: ignore[arg-type] # the point of the test


def test_a_secret_is_a_value() -> None:
    """Equal by what is wrapped, unequal to text, unchanged by copying, and immutable."""
    secret = Secret("hush")
    assert (True, False) == (secret == Secret("hush"), secret == "hush")
    assert [HASHED, HASHED] == [deepcopy(HASHED), pickle.loads(pickle.dumps(HASHED))]
    with pytest.raises(AttributeError):
        secret._value = "x"


def test_clear_text_cannot_be_taken_for_a_hash() -> None:
    """What is stored is asked for by a name that fails in clear."""
    with pytest.raises(ValueError, match="not hashed yet"):
        _ = Secret("hush").hashed_value
