"""Messages are immutable values, declared by annotations."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

import pytest
from marshmallow import validate

from sequent_sa.application import Sequent
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.messages.attributes import shapes_of
from sequent_sa.messages.command import BaseCommand, Command
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_handler import on
from sequent_sa.messages.secret import Secret
from sequent_sa.messages.value_object import ValueObject


class Money(ValueObject):
    cents: int
    currency: Annotated[str, validate.OneOf(["EUR", "USD"])] = "EUR"


class AddPost(Command):
    title: str
    tags: list[str] = ["new"]  # noqa: RUF012
    fee: Money | None = None


class PostAdded(Event, name="Blog::PostAdded", aliases=("PostMade",)):
    title: str
    at: datetime | None = None


class Tree(ValueObject):
    children: list[Tree] = []  # noqa: RUF012
    later: Later | None = None


class Later(ValueObject):
    label: str = ""


def add_post(**changes: Any) -> AddPost:
    return AddPost(**{"aggregate_id": uuid4(), "title": "Hi", **changes})


def test_equality_leaves_out_the_envelope() -> None:
    """Who asked, and when, makes no difference between two commands; an attribute does."""
    one = add_post()
    assert one == one.evolve(user_id=uuid4(), created_at=one.created_at + timedelta(days=1))
    assert one != one.evolve(title="Ho")


def test_equality_needs_the_same_class() -> None:
    """A subclass with equal attributes is another message."""

    class AddBlogPost(AddPost):
        pass

    one = add_post()
    assert one != AddBlogPost(aggregate_id=one.aggregate_id, title="Hi")


def test_equal_messages_have_equal_hashes_with_lists_and_value_objects() -> None:
    """Messages with lists can be put into sets."""
    one = add_post(fee=Money(cents=1))
    assert 1 == len({one, one.evolve()})


def test_messages_are_immutable() -> None:
    """Setting an attribute is an error, changing is done on a copy."""
    with pytest.raises(AttributeError):
        add_post().title = "Ho"  # type: ignore[misc] # the point of the test


def test_mutable_defaults_are_copied() -> None:
    """Each instance gets a list of its own."""
    one, other = add_post(), add_post()
    one.tags.append("x")
    assert ["new"] == other.tags


def test_constructor_errors_name_the_class() -> None:
    """Missing and unknown attributes are a TypeError that names the class and what it is given, not the envelope."""
    with pytest.raises(TypeError, match=r"AddPost: .*'title'; its attributes are aggregate_id, title, tags, fee$"):
        AddPost(aggregate_id=uuid4())  # type: ignore[call-arg] # the point of the test
    with pytest.raises(TypeError, match=r"AddPost: .*titel"):
        add_post(titel="x")


def test_evolve_refuses_unknown_attributes() -> None:
    """A copy cannot have attributes that the class does not have."""
    with pytest.raises(TypeError, match="AddPost has no attribute titel"):
        add_post().evolve(titel="x")


def test_to_dict_gives_attributes_without_the_envelope() -> None:
    """Value objects inside become dicts."""
    one = add_post(fee=Money(cents=1))
    expected = {
        "aggregate_id": one.aggregate_id,
        "title": "Hi",
        "tags": ["new"],
        "fee": {"cents": 1, "currency": "EUR"},
    }
    assert expected == one.to_dict()


def test_representation_shows_class_and_attributes_and_no_secret() -> None:
    """The text of a message names everything but secrets."""

    class Register(BaseCommand):
        email: str
        password: Secret

    shown = repr(Register(email="a@b.nl", password=Secret("hush")))
    assert shown.startswith("Register(")
    assert "email='a@b.nl'" in shown
    assert "hush" not in shown


def test_class_keywords_set_the_stored_name() -> None:
    """The default name is the class's own."""
    assert ("Blog::PostAdded", ("PostMade",)) == (PostAdded.__type_name__, PostAdded.__type_aliases__)
    assert ("AddPost", ()) == (AddPost.__type_name__, AddPost.__type_aliases__)


def test_unknown_class_keywords_are_refused() -> None:
    """A misspelt keyword does not go unnoticed."""
    with pytest.raises(ConfigurationError, match=r"_Bad: unknown class keyword 'nmae': did you mean name\?"):

        class _Bad(Event, nmae="x"):  # type: ignore[call-arg] # the point of the test
            pass


def test_moments_are_brought_to_utc() -> None:
    """Messages keep the instant, in UTC."""
    there = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    event = PostAdded(aggregate_id=uuid4(), sequence_number=1, created_at=there, title="x", at=there)
    assert ("2026-01-01T10:00:00+00:00",) * 2 == (event.at and event.at.isoformat(), event.created_at.isoformat())


def test_names_that_are_defined_later_are_resolved_on_first_use() -> None:
    """Annotations may name the class itself and classes further down."""
    assert ["children", "later"] == list(shapes_of(Tree))
    assert Later is shapes_of(Tree)["later"].type


def test_mixins_contribute_attributes() -> None:
    """A plain class with annotations adds its attributes and defaults."""

    class Numbered:
        number: int = 1

    class Invoice(ValueObject, Numbered):
        text: str

    made = Invoice(text="x")
    assert {"number": 1, "text": "x"} == made.to_dict()


def test_class_variables_are_no_attributes() -> None:
    """ClassVar keeps its meaning."""

    class Limited(ValueObject):
        limit: ClassVar[int] = 3
        text: str

    assert (3, ["text"]) == (Limited.limit, list(shapes_of(Limited)))


def test_unsupported_types_are_refused() -> None:
    """The error names class, attribute and what is supported."""
    with pytest.raises(ConfigurationError, match=r"Bad\.data: set.*supported: str, int"):

        class Bad(Event):
            data: set[int]

    with pytest.raises(ConfigurationError, match=r"Bare\.data: list.*say what it holds"):

        class Bare(Event):
            data: list  # type: ignore[type-arg] # the point of the test


def test_values_without_annotation_are_refused() -> None:
    """A forgotten annotation would shadow an attribute for every instance."""
    with pytest.raises(ConfigurationError, match=r"Bad\.title has no annotation"):

        class Bad(Event):
            title = "x"

    with pytest.raises(ConfigurationError, match=r"Worse\.title is an attribute of PostAdded"):

        class Worse(PostAdded):
            title = "x"


def test_redeclared_attributes_are_refused() -> None:
    """An inherited attribute keeps its type."""
    with pytest.raises(ConfigurationError, match="Bad declares title again"):

        class Bad(PostAdded):
            title: str


def test_attributes_that_hide_methods_are_refused() -> None:
    """`evolve` stays a method."""
    with pytest.raises(ConfigurationError, match=r"Bad\.evolve hides Event\.evolve"):

        class Bad(Event):
            evolve: str  # type: ignore[assignment] # the point of the test


def test_validators_must_be_instances() -> None:
    """A validator class would be called with the value and never fail."""
    with pytest.raises(ConfigurationError, match=r"Bad\.title: Length is a class"):

        class Bad(Event):
            title: Annotated[str, validate.Length]


def test_commands_are_stamped() -> None:
    """A command knows when it was made, in UTC, and nothing of its cause."""
    one = add_post()
    assert timedelta(0) == one.created_at.utcoffset()
    cause: tuple[UUID | None, int | None] = (one.event_aggregate_id, one.event_sequence_number)
    assert (None, None) == cause


def test_messages_can_be_copied_and_sent() -> None:
    """A deep copy shares nothing; a pickled one comes back equal, with its envelope."""
    tree = Tree(children=[Tree()])
    command = AddPost(aggregate_id=uuid4(), title="x", user_id=uuid4())
    copied = copy.deepcopy(tree)
    copied.children.append(Tree())
    assert (len(tree.children), len(copied.children)) == (1, 2)
    assert copy.copy(tree) == tree
    sent = pickle.loads(pickle.dumps(command))
    assert (sent, sent.created_at, sent.user_id) == (command, command.created_at, command.user_id)


def test_a_type_that_never_resolves_is_found_when_the_application_starts() -> None:
    """Such as one that is imported for type checkers only; the error names it and says what to do."""

    class Puzzle(Command):
        piece: NeverImported  # type: ignore[name-defined] # noqa: F821 # pyright: ignore[reportUndefinedVariable]

    class PuzzleHandler(CommandHandler):
        @on(Puzzle)
        def solve(self) -> None: ...

    app = Sequent("sqlite://", command_handlers=[PuzzleHandler])
    with pytest.raises(ConfigurationError, match=r"Puzzle\.piece: the type 'NeverImported' cannot be resolved"):
        app.parts  # noqa: B018 - finding them is the start


@pytest.mark.parametrize("missing", ["aggregate_id", "sequence_number"])
def test_an_event_needs_its_header(missing: str) -> None:
    """Whose event it is, and which; a command needs its target."""
    header: dict[str, Any] = {"aggregate_id": uuid4(), "sequence_number": 1}
    header.pop(missing)
    attributes = "aggregate_id, sequence_number, title, at"
    with pytest.raises(TypeError, match=rf"PostAdded: .*'{missing}'; its attributes are {attributes}$"):
        PostAdded(title="x", **header)
    with pytest.raises(TypeError, match=r"AddPost: .*aggregate_id"):
        AddPost(title="x")  # type: ignore[call-arg] # the point of the test


def test_an_event_is_of_now_unless_it_says_when() -> None:
    """In UTC; the moment that is given is kept."""
    before = datetime.now(UTC)
    now = PostAdded(uuid4(), 1, title="x").created_at
    assert (True, timedelta(0)) == (before <= now <= datetime.now(UTC), now.utcoffset())
    assert before == PostAdded(uuid4(), 1, before, title="x").created_at


def test_an_old_moment_may_be_a_date() -> None:
    """It means midnight, in the header as in any attribute that history holds."""
    header = {"aggregate_id": str(uuid4()), "sequence_number": 1, "created_at": "2020-02-03"}
    loaded = PostAdded.load({**header, "title": "x", "at": "2020-02-04"})
    assert (datetime(2020, 2, 3, tzinfo=UTC), datetime(2020, 2, 4, tzinfo=UTC)) == (loaded.created_at, loaded.at)


def test_evolve_runs_what_making_runs() -> None:
    """A moment that is given to a copy is brought to UTC, too."""
    there = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert "2026-01-01T10:00:00+00:00" == PostAdded(uuid4(), 1, title="x").evolve(at=there).at.isoformat()  # type: ignore[union-attr]


def test_what_a_class_does_after_making_is_inherited() -> None:
    """Once, after the moments were brought to UTC, also below a class that adds moments."""
    seen: list[tuple[str, timedelta | None]] = []

    class Timed(Event):
        at: datetime

        def __post_init__(self) -> None:
            seen.append((type(self).__name__, self.at.utcoffset()))

    class TimedTwice(Timed):
        again: datetime

    there = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    event = TimedTwice(uuid4(), 1, at=there, again=there)
    assert ([("TimedTwice", timedelta(0))], timedelta(0)) == (seen, event.again.utcoffset())
