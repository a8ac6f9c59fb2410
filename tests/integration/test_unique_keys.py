"""What no two aggregates may have in common, whatever is moved, swapped or computed in a new way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from sequent_sa import (
    AggregateError,
    AggregateKeyNotUnique,
    AggregateRoot,
    BaseCommand,
    Command,
    CommandHandler,
    Event,
    OptimisticLockingError,
    Sequent,
    on,
    unique_key,
)
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import Statement
from sequent_sa.event_store.unique_keys import unique_key_writes
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.tables import aggregate_unique_keys
from sequent_sa.testing.in_memory_event_store import InMemoryEventStore
from sequent_sa.unique_key_refresh import UniqueKeyRefresh
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork
from tests.databases import Database
from tests.integration.command_line import CommandLine, Done


class Register(Command):
    name: str
    email: str = ""


class Rename(Command):
    name: str


class Swap(BaseCommand):
    first: UUID
    second: UUID


class Registered(Event):
    name: str
    email: str


class Renamed(Event):
    name: str


class Person(AggregateRoot):
    name: str = ""
    email: str = ""

    def __init__(self, command: Register) -> None:
        super().__init__(command.aggregate_id)
        self.apply(Registered, name=command.name, email=command.email)

    def rename(self, name: str) -> None:
        self.apply(Renamed, name=name)

    @on(Registered)
    def _registered(self, event: Registered) -> None:
        self.name, self.email = event.name, event.email

    @on(Renamed)
    def _renamed(self, event: Renamed) -> None:
        self.name = event.name

    @unique_key("name")
    def _name(self) -> dict[str, object] | None:
        return {"name": self.name} if self.name else None


def by_both() -> type[Person]:
    """What the code is like later: an address is unique as well, and names whatever their case."""

    class PersonByBoth(Person, name="Person"):
        @unique_key("name")
        def _name(self) -> dict[str, object] | None:
            return {"name": self.name.lower()} if self.name else None

        @unique_key("email")
        def _email(self) -> dict[str, object] | None:
            return {"email": self.email, "kind": ["private"]} if self.email else None

    return PersonByBoth


def without_keys() -> type[AggregateRoot]:
    """What the code is like when nothing has to be unique any more."""

    class PersonWithoutKeys(AggregateRoot, name="Person"):
        pass

    return PersonWithoutKeys


def with_number() -> type[Person]:
    """A key that holds more than text."""

    class PersonWithNumber(Person, name="Person"):
        def unique_keys(self) -> dict[str, dict[str, object]]:
            return {"number": {"name": self.name, "none": None, "n": {"of": [1.0, 2.5]}}}

    return PersonWithNumber


def with_nul() -> type[Person]:
    """What the code must not be like."""

    class PersonWithNul(Person, name="Person"):
        @unique_key("nul")
        def _nul(self) -> dict[str, object] | None:
            return {"nul": "\0"}

    return PersonWithNul


class PersonHandler(CommandHandler):
    @on(Register)
    def register(self, command: Register) -> None:
        self.repository.add_aggregate(Person(command))

    @on(Rename)
    def rename(self, command: Rename) -> None:
        self.aggregate(command, Person).rename(command.name)

    @on(Swap)
    def swap(self, command: Swap) -> None:
        first, second = self.repository.load_aggregates([command.first, command.second], Person)
        first_name = first.name
        first.rename(second.name)
        second.rename(first_name)


def application(url: str, aggregate: type[AggregateRoot] = Person) -> Sequent:
    """An application in which `aggregate` is what a person is."""
    app = Sequent(url, command_handlers=[PersonHandler], environment="test")
    app.parts.type_names = names(aggregate)
    return app


def names(aggregate: type[AggregateRoot]) -> TypeNames:
    """What is stored, with this class as the person."""
    return TypeNames(events=[Registered, Renamed], commands=[Register, Rename, Swap], aggregates=[aggregate])


@pytest.fixture
def app(migrated_database: Database) -> Iterator[Sequent]:
    """An application with people."""
    app = application(migrated_database.url)
    yield app
    app.engine.dispose()


def register(app: Sequent, name: str, email: str = "") -> UUID:
    """Add a person."""
    id_ = app.new_uuid()
    app.execute_commands(Register(aggregate_id=id_, name=name, email=email))
    return id_


def keys(app: Sequent) -> set[tuple[UUID, str, str]]:
    """All that are stored."""
    columns = aggregate_unique_keys.c
    with app.engine.connect() as connection:
        found = connection.execute(select(columns.aggregate_id, columns.scope, columns.key)).all()
    return {(id_, scope, canonical(key)) for id_, scope, key in found}


def canonical(key: str) -> str:
    """The same text for equal keys, however a database writes them."""
    return json.dumps(json.loads(key), sort_keys=True, separators=(",", ":"))


def test_two_new_aggregates_cannot_share_a_key(app: Sequent) -> None:
    """In one commit neither; nothing of it is stored."""
    ids = [app.new_uuid(), app.new_uuid()]
    with pytest.raises(AggregateKeyNotUnique) as raised:
        app.execute_commands(*(Register(aggregate_id=id_, name="Ben") for id_ in ids))
    assert (raised.value.scope, raised.value.aggregate_type, raised.value.aggregate_id) == ("name", "Person", ids[1])
    assert keys(app) == set()


def test_keys_can_be_swapped(app: Sequent) -> None:
    """What is given up in a commit is free before anything is taken."""
    ben, kim = register(app, "Ben"), register(app, "Kim")
    app.execute_commands(Swap(first=ben, second=kim))
    assert keys(app) == {(ben, "name", '{"name":"Kim"}'), (kim, "name", '{"name":"Ben"}')}


def test_a_key_that_was_given_up_is_free(app: Sequent) -> None:
    """Also when the aggregate has none from then on; and what was taken is found before it is committed."""
    ben = register(app, "Ben")
    app.execute_commands(Rename(aggregate_id=ben, name=""), Register(aggregate_id=app.new_uuid(), name="Ben"))
    assert ben not in {id_ for id_, _, _ in keys(app)}
    assert len(keys(app)) == 1
    with app.unit_of_work() as unit:
        kim = register(app, "Kim")
        assert kim == app.event_store.find_by_unique_key(unit.transaction, "name", {"name": "Kim"})


@pytest.mark.parametrize("name", ["a\0b", "\0"])
def test_nobody_holds_a_key_that_cannot_be_stored(app: Sequent, name: str) -> None:
    """JSON on PostgreSQL has no NUL; looking for one finds nothing, on both databases."""
    register(app, "ab")
    assert app.repository.find_aggregate_by_unique_key("name", {"name": name}) is None


def test_a_key_is_found_by_what_is_equal_to_it(app: Sequent, migrated_database: Database) -> None:
    """The order of names and what is None do not matter, and 1 is 1.0; upper and lower case do matter."""
    ben = register(app, "Ben", "ben@sequent.io")
    later = application(migrated_database.url, with_number())
    assert later.refresh_unique_keys() == []
    find = later.repository.find_aggregate_by_unique_key
    for key in ({"name": "Ben", "n": {"of": [1, 2.5]}}, {"n": {"of": [1.0, 2.5]}, "name": "Ben", "more": None}):
        found = find("number", key)
        assert found is not None
        assert found.aggregate_id == ben
    assert find("number", {"name": "ben", "n": {"of": [1, 2.5]}}) is None
    later.engine.dispose()


def test_a_backslash_is_no_nul(app: Sequent) -> None:
    """The text `\\u0000` is six characters, which can be stored and found."""
    ben = register(app, "\\u0000")
    found = app.repository.find_aggregate_by_unique_key("name", {"name": "\\u0000"})
    assert found is not None
    assert found.aggregate_id == ben


def test_a_key_that_cannot_be_stored_is_a_clear_error(app: Sequent, migrated_database: Database) -> None:
    """It names the aggregate and the scope."""
    register(app, "Ben")
    later = application(migrated_database.url, with_nul())
    with pytest.raises(AggregateError, match=r"the unique key 'nul' of Person .* holds a NUL character"):
        later.refresh_unique_keys()
    later.engine.dispose()


def test_keys_are_refreshed_for_new_code(app: Sequent, migrated_database: Database) -> None:
    """New scopes, changed keys, and keys that are computed no more; no event is stored."""
    people = [register(app, f"Person {number}", f"{number}@sequent.io") for number in range(7)]
    later = application(migrated_database.url, by_both())
    seen: list[int] = []
    assert later.refresh_unique_keys(group_size=3, progress=seen.append) == []
    assert seen == [3, 6, 7]
    expected = {(id_, "name", f'{{"name":"person {number}"}}') for number, id_ in enumerate(people)}
    expected |= {
        (id_, "email", f'{{"email":"{number}@sequent.io","kind":["private"]}}') for number, id_ in enumerate(people)
    }
    assert keys(later) == expected
    found = later.repository.find_aggregate_by_unique_key("email", {"kind": ["private"], "email": "3@sequent.io"})
    assert found is not None
    assert (found.aggregate_id, found.version) == (people[3], 1)
    last = application(migrated_database.url, without_keys())
    assert last.refresh_unique_keys() == []
    assert keys(last) == set()
    for each in (later, last):
        each.engine.dispose()


def test_what_is_taken_stays_as_it_was(app: Sequent, migrated_database: Database) -> None:
    """All others are refreshed; the error says who could not get which key."""
    first, second = register(app, "Ben"), register(app, "BEN")
    others = [register(app, f"Other {number}") for number in range(3)]
    later = application(migrated_database.url, by_both())
    (conflict,) = later.refresh_unique_keys(group_size=2)
    assert (conflict.scope, conflict.aggregate_id) == ("name", second)
    assert keys(later) == {
        (first, "name", '{"name":"ben"}'),
        (second, "name", '{"name":"BEN"}'),
        *((id_, "name", f'{{"name":"other {number}"}}') for number, id_ in enumerate(others)),
    }
    later.engine.dispose()


def test_an_aggregate_that_moved_on_is_not_refreshed_from_its_past(app: Sequent) -> None:
    """Its version is compared when the keys are stored."""
    ben = register(app, "Ben")

    def refresh() -> None:
        with app.unit_of_work():
            app.repository.update_unique_keys([ben])
            other.execute_commands(Rename(aggregate_id=ben, name="Benjamin"))

    other = application(app.engine.url.render_as_string(hide_password=False))
    if other.dialect.lock_aggregates([ben]) is None:
        # There is one writer at a time: whoever refreshes keeps all others out, from the load on.
        with app.unit_of_work():
            app.repository.update_unique_keys([ben])
            with other.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 0")
                connection.rollback()
                with pytest.raises(DBAPIError, match="locked"):
                    connection.exec_driver_sql("DELETE FROM events")
    else:
        with pytest.raises(OptimisticLockingError, match="Person"):
            refresh()
        assert keys(app) == {(ben, "name", '{"name":"Benjamin"}')}
    other.engine.dispose()


def test_the_command_line_refreshes_keys(app: Sequent, migrated_database: Database, command_line: CommandLine) -> None:
    """It tells how far it is, and fails with one line for each conflict and for a wrong name."""
    register(app, "Ben")

    def run(command: str, name: str = "app") -> Done:
        return command_line(f"migrate {command}", app=f"tests.integration.register:{name}", url=migrated_database.url)

    assert run("unique-keys") == (0, "1 aggregates\nall unique keys are up to date\n", "")
    assert run("unique-keys Person --group-size 10").status == 0
    status, _, error = run("unique-keys Persn")
    assert (status, error.count("\n"), "Persn" in error) == (1, 1, True)
    assert run("unique-keys --group-size 0").status == 2
    register(app, "BEN")
    status, printed, error = run("unique-keys --group-size 1", "later")
    assert (status, printed, error.count("\n")) == (1, "1 aggregates\n2 aggregates\n", 1)
    assert "name" in error


def test_keys_are_refreshed_in_memory() -> None:
    """The store of the test plugin does the same."""
    store = InMemoryEventStore()
    units = UnitsOfWork(store.begin)
    ids = [UUID(int=number) for number in (1, 2, 3)]
    before = AggregateRepository(units, store, names(Person))
    with units.open():
        for id_, name in zip(ids, ("Ben", "BEN", "Kim"), strict=True):
            before.add_aggregate(Person(Register(aggregate_id=id_, name=name)))
        before.commit(Swap(first=ids[0], second=ids[1]))
    refresh = UniqueKeyRefresh(units, store, AggregateRepository(units, store, names(by_both())))
    seen: list[int] = []
    (conflict,) = refresh.run(["Person"], 2, seen.append)
    assert (conflict.aggregate_id, seen) == (ids[1], [2, 3])
    with units.reading() as transaction:
        held = [store.find_by_unique_key(transaction, "name", {"name": name}) for name in ("ben", "BEN", "kim", "Kim")]
    assert held == [ids[0], ids[1], ids[2], None]
    assert refresh.run(["Nobody"], 2, seen.append) == []


def test_keys_are_taken_in_one_order() -> None:
    """By scope and key, whoever takes them: transactions that want the same ones wait, and cannot deadlock."""
    take = Statement(select(aggregate_unique_keys))
    streams = [
        EventStream("Person", UUID(int=1), unique_keys={"name": {"x": "b"}, "email": {"x": "b"}}),
        EventStream("Person", UUID(int=2), unique_keys={"name": {"x": "a"}, "email": {"x": "c"}}),
        EventStream("Person", UUID(int=3), unique_keys={"email": {"x": "a"}}),
    ]
    assert [] == [*unique_key_writes(take, [EventStream("Person", UUID(int=4), unique_keys=None)])]  # it declares none
    taken = [write.parameters for write in unique_key_writes(take, streams) if write.statement is take]
    assert [
        ("email", '{"x":"a"}'),
        ("email", '{"x":"b"}'),
        ("email", '{"x":"c"}'),
        ("name", '{"x":"a"}'),
        ("name", '{"x":"b"}'),
    ] == [(each["scope"], each["key"]) for each in taken if isinstance(each, Mapping)]
