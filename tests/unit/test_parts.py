"""The classes of an application fit together."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sequent_sa import CommandHandler, Projector, Sequent, Workflow
from sequent_sa.exceptions import ConfigurationError, DuplicateTypeName


class First(Projector, name="Same", manages_tables=None):
    pass


class Second(Projector, name="Same", manages_tables=None):
    pass


class Mailing(Workflow):
    pass


def test_two_projectors_cannot_have_one_name() -> None:
    """The database would keep one state for both, and activate one with the other."""
    with pytest.raises(DuplicateTypeName) as raised:
        _ = Sequent("sqlite://", projectors=[First, Second]).parts
    assert ("Same", (First, Second)) == (raised.value.name, raised.value.classes)
    assert [Second] == Sequent("sqlite://", projectors=[Second]).parts.projectors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workflows": [Mailing()]}, "workflows: give classes, not <.*Mailing object"),
        ({"workflows": Mailing}, "workflows must be a list of classes"),
        ({"workflows": [Mailing, Mailing]}, "Mailing is registered 2 times"),
        ({"command_handlers": [Mailing]}, "command_handlers: Mailing is not a class of its own under CommandHandler"),
        ({"command_handlers": [CommandHandler]}, "CommandHandler is not a class of its own"),
        ({"projectors": ["First"]}, "projectors: give classes, not 'First'"),
    ],
)
def test_wrong_handlers_are_refused(options: dict[str, Any], said: str) -> None:
    """Each error names the option and the class."""
    with pytest.raises(ConfigurationError, match=said):
        _ = Sequent("sqlite://", **cast("Any", options)).parts
