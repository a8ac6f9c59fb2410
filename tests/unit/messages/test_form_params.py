"""What web forms and JSON clients send becomes commands, or errors beside the fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from io import BytesIO
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import fields, validate
from starlette.datastructures import FormData, ImmutableMultiDict, QueryParams
from werkzeug.datastructures import CombinedMultiDict, FileStorage, MultiDict

from sequent_sa import BaseCommand, Command, CommandNotValid, NotBlank, Params, Secret, ValueObject, attr
from sequent_sa.messages.codec import encode_command
from sequent_sa.messages.validation import parse_command
from sequent_sa.testing.strategies import messages


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Money(ValueObject):
    cents: Annotated[int, validate.Range(min=0)]
    currency: str = "EUR"


class Line(ValueObject):
    price: Money
    text: str | None = None
    discounts: list[Money] = []  # noqa: RUF012


class Login(ValueObject):
    name: str
    password: Secret


class Order(BaseCommand):
    number: int | None = None
    amount: Decimal | None = None
    flag: bool | None = None
    day: date | None = None
    moment: datetime | None = None
    other: UUID | None = None
    size: Size | None = None
    note: str | None = None
    title: str = ""
    line: Line | None = None
    lines: list[Line] = []  # noqa: RUF012
    tags: list[str] = []  # noqa: RUF012
    days: list[date] = []  # noqa: RUF012
    grid: list[list[Money]] = []  # noqa: RUF012
    prices: dict[str, Money] = {}  # noqa: RUF012
    choices: list[int] = [1]  # noqa: RUF012
    url: str | None = attr(default=None, field=fields.Url())


class Register(Command):
    email: Annotated[str, NotBlank()]
    password: Secret
    login: Login | None = None
    logins: list[Login] = []  # noqa: RUF012


class Tree(ValueObject):
    children: list[Tree] = []  # noqa: RUF012


class Plant(BaseCommand):
    tree: Tree


def order(form: Any, **options: Any) -> Order:
    return Order.from_params(form, **options).parse()


def errors(params: Params[Any]) -> dict[str, list[str]]:
    with pytest.raises(CommandNotValid) as refused:
        params.parse()
    return refused.value.flat_errors()


MISSING = "Missing data for required field."


def combined(pairs: list[tuple[str, str]]) -> Any:
    """What Werkzeug makes of a form with files."""
    parts: list[MultiDict[str, str]] = [MultiDict(pairs)]
    return CombinedMultiDict(parts)


FORM = [
    ("number", "02"),
    ("flag", "false"),
    ("flag", "true"),
    ("note", " "),
    ("line[price][cents]", "5"),
    ("lines[7][price][cents]", "7"),
    ("lines[7][text]", "last"),
    ("lines[3][price][cents]", "3"),
    ("tags", "a"),
    ("tags", "b"),
    ("days[]", "2026-01-02"),
    ("days[]", "2026-01-03"),
    ("grid[0][0][cents]", "1"),
    ("grid[0][1][cents]", "2"),
    ("prices[small one][cents]", "9"),
    ("choices[]", ""),
]
EXPECTED = Order(
    number=2,
    flag=True,
    line=Line(price=Money(cents=5)),
    lines=[Line(price=Money(cents=3)), Line(price=Money(cents=7), text="last")],
    tags=["a", "b"],
    days=[date(2026, 1, 2), date(2026, 1, 3)],
    grid=[[Money(cents=1), Money(cents=2)]],
    prices={"small one": Money(cents=9)},
    choices=[],
)


@pytest.mark.parametrize(
    "make",
    [
        list,
        MultiDict,
        combined,
        FormData,
        ImmutableMultiDict,
        QueryParams,
    ],
    ids=["pairs", "werkzeug", "werkzeug combined", "starlette form", "starlette multi-dict", "starlette query"],
)
def test_forms_of_web_frameworks_are_read(make: Callable[[list[tuple[str, str]]], Any]) -> None:
    """Bracketed and repeated names make nested values and lists; the last of several single values counts."""
    assert order(make(FORM)) == EXPECTED


def test_a_mapping_with_bracketed_names_is_read() -> None:
    """A form that is a plain mapping by now is read as well; so is a mixture with JSON."""
    assert order({"line[price][cents]": "5", "line[text]": "x"}).line == Line(price=Money(cents=5), text="x")
    given_ = {"lines[0]": {"price": {"cents": 5}}, "tags": ["a"], "flag": False}
    assert order(given_) == Order(lines=[Line(price=Money(cents=5))], tags=["a"], flag=False)


def test_parts_without_numbers_follow_each_other() -> None:
    """A name that comes again begins the next part."""
    pairs = [
        ("lines[][price][cents]", "1"),
        ("lines[][text]", "one"),
        ("lines[][price][cents]", "2"),
        ("lines[][price][currency]", "USD"),
        ("lines[][price][cents]", "3"),
    ]
    assert order(pairs).lines == [
        Line(price=Money(cents=1), text="one"),
        Line(price=Money(cents=2, currency="USD")),
        Line(price=Money(cents=3)),
    ]


def test_a_prefix_leaves_other_names_out() -> None:
    """Fields of another form, and tokens, are not this command's; JSON may be nested under the prefix."""
    form = [("csrf_token", "x"), ("order[number]", "3"), ("order[tags][]", "a"), ("other[number]", "4")]
    assert order(form, prefix="order") == Order(number=3, tags=["a"])
    assert order({"order": {"number": 3, "tags": ["a"]}, "x": 1}, prefix="order") == Order(number=3, tags=["a"])
    assert order({}, prefix="order") == Order()
    assert errors(Order.from_params({"order": "x"}, prefix="order")) == {"_schema": ["Not an object with attributes."]}


def test_blank_means_nothing_in_a_form() -> None:
    """Except for text that cannot be None; JSON clients say null, so what they send as blank text stays."""
    blank = [("number", ""), ("day", " "), ("note", ""), ("title", ""), ("size", ""), ("flag", "")]
    assert order(blank) == Order()
    assert order(blank).title == ""
    assert order({"note": "", "flag": False}) == Order(note="", flag=False)


def test_one_value_is_a_list_in_a_form_only() -> None:
    """One ticked box is a list of one; a JSON client that sends text for a list made a mistake."""
    assert order([("tags", "a")]).tags == ["a"]
    assert order([("tags", ""), ("tags", "a")]).tags == ["a"]
    assert order([("tags", "")]).tags == []
    assert order([("tags[0]", ""), ("tags[1]", "b")]).tags == ["", "b"]
    assert errors(Order.from_params({"tags": "a"})) == {"tags": ["Not a valid list."]}


def test_errors_stand_under_the_names_of_the_fields() -> None:
    """With the numbers that the form has, gaps included, and the prefix."""
    form = [("o[lines][3][price][cents]", "1"), ("o[lines][7][price][cents]", "-1"), ("o[number]", "x"), ("o[a b]", "")]
    with pytest.raises(CommandNotValid) as refused:
        Order.from_params(form, prefix="o").parse()
    assert refused.value.flat_errors("o") == {
        "o[lines][7][price][cents]": ["Must be greater than or equal to 0."],
        "o[number]": ["Not a valid integer."],
        "o[a b]": ["Unknown field."],
    }
    assert refused.value.errors["lines"] == {7: {"price": {"cents": ["Must be greater than or equal to 0."]}}}
    assert refused.value.params == dict(form)
    assert refused.value.form_name == "order"


def test_the_form_name_of_a_command() -> None:
    """Words are separated, also after abbreviations."""

    class SendHTMLMail2You(BaseCommand):
        number: int

    with pytest.raises(CommandNotValid) as refused:
        SendHTMLMail2You.from_params({}).parse()
    assert refused.value.flat_errors(refused.value.form_name) == {
        "send_html_mail2_you[number]": ["Missing data for required field."]
    }


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ([("line", "x"), ("line[text]", "y")], {"line": ["Given in several ways: as a value, and in parts."]}),
        ([("tags[]", "x"), ("tags[0]", "y")], {"tags": ["Given in several ways: as a value, and in parts."]}),
        ([("tags[x]", "y")], {"tags[x]": ["Not the number of an item."]}),
        ([("tags[-1]", "y")], {"tags[-1]": ["Not the number of an item."]}),
        ([("tags[9999999999]", "y")], {"tags[9999999999]": ["Not the number of an item."]}),
        ([("number[a]", "1")], {"number": ["Not a valid integer."]}),
        ([("number[]", "1")], {"number": ["Not a valid integer."]}),
        (
            [("line[0][text]", "1")],
            {"line[0]": ["Unknown field."], "line[price]": ["Missing data for required field."]},
        ),
        ([("number]", "1")], {"number]": ["Unknown field."]}),
        ([("number[", "1")], {"number[": ["Unknown field."]}),
        ([("[number]", "1")], {"[number]": ["Unknown field."]}),
        ([("", "1")], {"": ["Unknown field."]}),
        ([("number[[a]]", "1")], {"number[[a]]": ["Unknown field."]}),
        ([("__class__", "x")], {"__class__": ["Unknown field."]}),
        (
            [("line[__init__][__globals__]", "x")],
            {"line[__init__]": ["Unknown field."], "line[price]": ["Missing data for required field."]},
        ),
        ([("created_at", "2026-01-01T00:00:00Z")], {"created_at": ["Unknown field."]}),
        ([("number", "9" * 5000)], {"number": ["Not a valid integer."]}),
        ([("amount", "NaN")], {"amount": ["Not a valid number."]}),
        ([("amount", "1e999999999")], {"amount": ["Not a valid number."]}),
        ([("note", "a\x00")], {"note": ["Must not contain a NUL character or half of a surrogate pair."]}),
        ([("note", "\ud800")], {"note": ["Must not contain a NUL character or half of a surrogate pair."]}),
        ([("a" + "[b]" * 40, "1")], {"a": ["Nested more than 32 deep."]}),
        ({"line": {"price": [1]}}, {"line[price]": ["Must be a Money."]}),
        ({"note": float("nan"), "tags": [{"a": 1}]}, {"tags[0]": ["Not a valid text."]}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_hostile_input_is_refused_where_it_stands(form: Any, expected: dict[str, list[str]]) -> None:
    """Each with an error under its name, and nothing else happens."""
    assert errors(Order.from_params(form)) == expected


def test_a_file_is_no_text() -> None:
    """What a framework makes of an upload is refused like any other value."""
    parts: list[MultiDict[str, Any]] = [MultiDict({"number": "1"}), MultiDict({"note": FileStorage(BytesIO(b"x"))})]
    form: CombinedMultiDict[str, Any] = CombinedMultiDict(parts)
    assert errors(Order.from_params(form)) == {"note": ["Not a valid text."]}


@pytest.mark.parametrize("nonsense", [None, 3, "a=b", b"a=b", [1], ["ab", ("a", "b", "c")], [("a",)]])
def test_input_that_is_none_is_a_mistake_of_the_programmer(nonsense: Any) -> None:
    """Who forgets to decode the body is told so."""
    with pytest.raises(TypeError, match="a mapping or as pairs"):
        Order.from_params(nonsense)


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(depth):
        tree = {"children": [tree]}
    return {"tree": tree}


def test_depth_is_bounded() -> None:
    """A tree as deep as a client likes neither exhausts the stack nor is cut; it is refused."""
    assert Plant.from_params(nested(10)).parse().tree.children[0].children
    assert errors(Plant.from_params(nested(100_000))) == {"tree": ["Nested more than 32 deep."]}


def test_the_number_of_names_is_bounded() -> None:
    """A form with a million fields is refused as a whole, at once."""
    assert errors(Order.from_params([("tags[]", "x")] * 10_001)) == {"_schema": ["More than 10000 names."]}


@pytest.mark.parametrize(
    "form",
    [
        {"email": "", "password": "hush"},
        {"email": "", "password": ["hush", "hush"]},
        {"email": "", "password[]": "hush", "password[x]": "hush"},
        {"email": "", "login[password]": "hush", "logins[0][password]": "hush", "logins[][password]": "hush"},
        {"email": "", "login": {"name": "x", "password": "hush"}, "logins": [{"password": "hush"}, "hush"]},
        {"email": "", "login": '{"password": "hush"}', "logins": {"0": {"password": "hush"}}},
        {"email": "", "login": ["hush"], "logins": "hush", "login[0][password]": "hush"},
        {"email": "", "login": Login(name="x", password=Secret("hush"))},
    ],
    ids=str,
)
def test_secrets_are_not_shown_again(form: dict[str, Any]) -> None:
    """At any depth, under any form of their names, and in any shape; everything else is kept."""
    with pytest.raises(CommandNotValid) as refused:
        Register.from_params(form).parse()
    assert refused.value.params["email"] == ""
    shown = f"{refused.value.params} {refused.value} {Register.from_params(form)!r} {refused.value.errors}"
    assert "hush" not in shown


def test_the_refused_command_has_no_secrets() -> None:
    """Whoever shows or keeps it cannot give one away, however deep it was."""
    login = Login(name="x", password=Secret("hush"))
    command = Register(aggregate_id=uuid4(), email="", password=Secret("hush"), login=login, logins=[login])
    with pytest.raises(CommandNotValid) as refused:
        parse_command(command)
    shown: Any = refused.value.command
    assert (shown.password, shown.login.password, shown.logins[0].password) == (None, None, None)
    assert (shown.login.name, shown.logins[0].name) == ("x", "x")
    assert "hush" not in str(refused.value.params)


def test_secrets_are_not_shown_again_behind_a_prefix() -> None:
    """The prefix does not hide what a name means."""
    form = [("user[email]", ""), ("user[password]", "hush"), ("user[login][password]", "hush"), ("other", "x")]
    params = Register.from_params(form, prefix="user")
    assert params.without_secrets() == {"user[email]": "", "other": "x"}
    nested_ = Register.from_params({"user": {"email": "", "password": "hush"}}, prefix="user")
    assert nested_.without_secrets() == {"user": {"email": ""}}


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_a_command_becomes_the_fields_of_a_form() -> None:
    """Nested names, texts as the fields read them; nothing for None, a blank where the default is something."""
    command = Order(
        number=1,
        amount=Decimal("1.10"),
        flag=False,
        moment=MOMENT,
        size=Size.LARGE,
        line=Line(price=Money(cents=5)),
        tags=["a", "b"],
        choices=[],
    )
    assert command.to_params("o") == {
        "o[number]": "1",
        "o[amount]": "1.10",
        "o[flag]": "false",
        "o[moment]": "2026-01-02T03:04:05.678901Z",
        "o[size]": "2",
        "o[title]": "",
        "o[line][price][cents]": "5",
        "o[line][price][currency]": "EUR",
        "o[tags][0]": "a",
        "o[tags][1]": "b",
        "o[choices][]": "",
    }
    assert Money(cents=5).to_params() == {"cents": "5", "currency": "EUR"}


def test_a_secret_is_no_field_of_a_form() -> None:
    """Neither in clear nor as its hash, at any depth."""
    command = Register(
        aggregate_id=uuid4(), email="a@b.nl", password=Secret("hush"), login=Login(name="x", password=Secret("hush"))
    )
    assert command.to_params() == {
        "aggregate_id": str(command.aggregate_id),
        "email": "a@b.nl",
        "login[name]": "x",
    }


def _survives_a_form(command: Order) -> bool:
    texts = [command.note, *(line.text for line in command.lines), command.line.text if command.line else None]
    blank_texts = any(text is not None and not text.strip() for text in texts)
    unnamed = any(not key or "[" in key or "]" in key for key in command.prices)
    rows = any(not row for row in command.grid)
    return not (blank_texts or unnamed or rows)


@settings(max_examples=200)
@given(
    messages(Order, url=st.none() | st.just("https://example.org/a?b=c")).filter(_survives_a_form),
    st.sampled_from([None, "order"]),
)
def test_a_command_survives_a_form(command: Order, prefix: str | None) -> None:
    """What a form shows of a command reads back as the same command.

    A form cannot tell None from blank text, an empty list inside of a list from none, or brackets in a key.
    """
    form = list(command.to_params(prefix).items())
    assert Order.from_params(form, prefix=prefix).parse() == command


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(Secret("x")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_KNOWN = [*Order.__struct_fields__, "", "0", "1", "99", "price", "cents", "__class__", "x"]
_PATHS = st.lists(st.sampled_from(_KNOWN) | st.text(max_size=3), min_size=1, max_size=5)
_NAMES = _PATHS.map(lambda steps: steps[0] + "".join(f"[{step}]" for step in steps[1:])) | st.text(max_size=8)


@settings(max_examples=400)
@given(st.lists(st.tuples(_NAMES, _JSON), max_size=6), st.booleans())
def test_any_input_is_a_command_or_not_valid(pairs: list[tuple[str, Any]], as_mapping: bool) -> None:
    """Nothing else comes out, and the errors can be shown."""
    form: Mapping[str, Any] | list[tuple[str, Any]] = dict(pairs) if as_mapping else pairs
    refused: CommandNotValid | None = None
    try:
        parsed = Order.from_params(form).parse()
    except CommandNotValid as error:
        refused = error
    else:
        assert not parsed.validate()
    assert refused is None or (refused.flat_errors() and str(refused))


@pytest.mark.parametrize(
    ("sent", "flag"),
    [(["on"], True), (["1"], True), (["0", "1"], True), (["0"], False), (["off"], False), (["true"], True)],
)
def test_a_check_box_is_what_browsers_send(sent: list[str], flag: bool) -> None:
    """`on` without a value of its own; frameworks put a hidden 0 in front. JSON has true and false."""
    assert Order.from_params([("url", "https://sequent.io"), *(("flag", text) for text in sent)]).parse().flag is flag


def test_json_has_no_check_boxes() -> None:
    """There `on` and 1 are mistakes."""
    for flag in ("on", "1", "0", "off"):
        with pytest.raises(CommandNotValid) as raised:
            Order.from_params({"url": None, "flag": flag}).parse()
        assert "flag" in raised.value.errors


class Bookmark(BaseCommand):
    url: str | None = attr(default="https://sequent.io", field=fields.Url(allow_none=True))


def test_a_blank_field_is_nothing_for_a_field_of_ones_own() -> None:
    """As it is for the other types; JSON says null."""
    assert Bookmark.from_params([("url", " ")]).parse().url is None
    assert Bookmark.from_params({"url": None}).parse().url is None
    with pytest.raises(CommandNotValid):
        Bookmark.from_params({"url": ""}).parse()


@pytest.mark.parametrize("key", ["", "a[b]", "]", "["])
def test_a_key_that_no_form_can_have_is_refused(key: str) -> None:
    """What came back would be something else."""
    order = Order(url=None, prices={key: Money(cents=1)})
    with pytest.raises(ValueError, match=r"prices has the key .* which cannot be part of the name of a form field"):
        order.to_params()
    again = Order.from_params({"url": None, "prices": {key: {"cents": 1}}}).parse()
    assert again.prices == order.prices


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    __hash__ = None  # type: ignore[assignment]


class PointField(fields.Field[Point]):
    """Reads text only, as a field of an application may well do."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Point:
        x, y = value.split(",")
        return Point(int(x), int(y))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return f"{value.x},{value.y}"


class Place(ValueObject):
    at: Point = attr(field=PointField())


class Move(BaseCommand):
    to: Point = attr(field=PointField(data_key="To"))
    over: list[Place] = []  # noqa: RUF012
    whole: str | None = attr(default=None, field=fields.Function(lambda move: f"to {move.to.x}", lambda text: text))


def test_a_field_of_ones_own_is_given_what_it_has_written() -> None:
    """It need not understand the values that it makes; typed commands have these."""
    move = Move(to=Point(1, 2), over=[Place(at=Point(3, 4))], whole="x")
    assert move.validate() == {}
    parsed: Any = parse_command(move)
    assert (parsed, parsed.whole) == (move.evolve(whole="to 1"), "to 1")
    assert move.to_params() == {"To": "1,2", "over[0][at]": "3,4", "whole": "to 1"}
    assert parse_command(Move.from_params([("To", "1,2")])) == Move(to=Point(1, 2))


def test_what_such_a_field_cannot_write_it_reads_as_it_is() -> None:
    """Text in the place of its value is converted, as for other types."""
    assert parse_command(Move(to="1,2")) == Move(to=Point(1, 2))  # type: ignore[arg-type]


class Draft(BaseCommand):
    title: Annotated[str, NotBlank()] = ""
    line: Line = Line(price=Money(cents=-1))
    tags: Annotated[list[str], validate.Length(min=1)] = []  # noqa: RUF012
    note: str = attr(default_factory=lambda: "made")


def test_defaults_are_held_to_the_rules() -> None:
    """What nobody gave is no more valid than what somebody did, typed or not."""
    expected = {"title": ["Cannot be blank."], "tags": ["Shorter than minimum length 1."]}
    line = {"line[price][cents]": ["Must be greater than or equal to 0."]}
    assert errors(Draft.from_params({})) == {**expected, **line}
    with pytest.raises(CommandNotValid) as refused:
        parse_command(Draft())
    assert refused.value.flat_errors() == {**expected, **line}
    valid = Draft.from_params({"title": "x", "line": {"price": {"cents": 1}}, "tags": ["x"]}).parse()
    assert (valid.note, valid.line) == ("made", Line(price=Money(cents=1)))


@pytest.mark.parametrize("key", [-1, 0, True, None, 1.5, (1, 2), 10**5])
def test_keys_that_are_no_text_are_unknown_names(key: Any) -> None:
    """Not every client is a JSON parser."""
    assert errors(Order.from_params({"line": {key: 1, "price": {"cents": 1}}})) == {f"line[{key}]": ["Unknown field."]}


def test_numbers_of_items_are_shown_as_they_were_given() -> None:
    """Two names for one number are two items, and both have their error."""
    assert errors(Order.from_params([("choices[03]", "x"), ("choices[3]", "y")])) == {
        "choices[03]": ["Not a valid integer."],
        "choices[3]": ["Not a valid integer."],
    }


@pytest.mark.parametrize("name", ["number", "amount", "note"])
@pytest.mark.parametrize("value", [10**1_000_000, -(10**4000)], ids=["positive", "negative"])
def test_huge_integers_are_refused(name: str, value: Any) -> None:
    """Python could not even write them; typed commands are held to the same limit."""
    expected = {"note": "Not a valid text.", "number": "Not a valid integer.", "amount": "Not a valid number."}
    if name == "note" and value < 0:
        value = -(10**5000)
    assert errors(Order.from_params({name: value})) == {name: [expected[name]]}
    with pytest.raises(CommandNotValid) as refused:
        parse_command(Order(**{name: value}))
    assert refused.value.flat_errors() == {name: [expected[name]]}


def test_the_largest_number_can_be_stored() -> None:
    """What is accepted is never refused when it is written."""
    largest = 10**4000 - 1
    assert json.loads(encode_command(parse_command(Order.from_params({"number": str(largest)}))))["number"] == largest


@pytest.mark.parametrize(
    "given_", [{"user": '{"password": "hush"}'}, {"user": [{"password": "hush"}]}, {"user": "hush"}]
)
def test_what_is_no_object_behind_a_prefix_is_not_shown_again(given_: Any) -> None:
    """A client may have sent JSON as text, secret and all."""
    params = Register.from_params(given_, prefix="user")
    assert errors(params) == {"_schema": ["Not an object with attributes."]}
    assert "hush" not in repr(params)


def test_depth_is_bounded_in_tuples_too() -> None:
    """Some clients have these for lists."""
    deep: Any = ()
    for _ in range(100_000):
        deep = (deep,)
    assert errors(Order.from_params({"note": deep})) == {"note": ["Nested more than 32 deep."]}


class Profile(BaseCommand):
    scores: dict[str, int] | None = None
    limits: dict[str, int] = {"a": 1}  # noqa: RUF012
    pin: Secret = Secret("hush")
    note: str | None = None


def test_a_blank_field_is_no_dict_or_an_empty_one() -> None:
    """None where that is possible; JSON says which."""
    blank = [("scores", ""), ("limits", " ")]
    assert (Profile.from_params(blank).parse().scores, Profile.from_params(blank).parse().limits) == (None, {})
    assert Profile.from_params({"scores": {}, "limits": {}}).parse().scores == {}
    assert list(errors(Profile.from_params(dict(blank)))) == ["scores", "limits"]


def test_a_default_is_shown_as_blank_where_it_was_taken_away() -> None:
    """But never that there is a secret."""
    assert Profile(limits={}).to_params() == {"limits": ""}


def test_true_is_no_text() -> None:
    """A number is, as nobody can tell what a JSON client meant by 5."""
    assert errors(Profile.from_params({"note": True})) == {"note": ["Not a valid text."]}
    assert Profile.from_params({"note": 5}).parse().note == "5"


class Logins(BaseCommand):
    by_site: dict[str, Login] = {}  # noqa: RUF012
    pins: dict[str, Secret] = {}  # noqa: RUF012


def test_what_is_beside_a_secret_in_a_dict_is_kept() -> None:
    """In JSON and under the names of a form."""
    params = Logins.from_params({"by_site": {"a": {"name": "x", "password": "hush"}}, "pins": {"a": "hush"}})
    assert params.without_secrets() == {"by_site": {"a": {"name": "x"}}, "pins": {}}
    form = [("by_site[a][name]", "x"), ("by_site[a][password]", "hush"), ("pins[a]", "hush")]
    assert Logins.from_params(form).without_secrets() == {"by_site[a][name]": "x"}
