"""The classes of an application fit together."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import StaticPool, create_engine

from sequent_sa import AggregateRoot, CommandHandler, Event, Projector, Sequent, Workflow, tables
from sequent_sa.exceptions import ConfigurationError, DuplicateTypeName
from sequent_sa.projections.view_record import VIEW_SCHEMA


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


class Third(Projector, aliases=["Same"], manages_tables=None):
    pass


def test_an_alias_is_a_name_too() -> None:
    """The error says which class has it as an alias: another `name=` would not help."""
    with pytest.raises(DuplicateTypeName, match=r"it is an alias of Third, take it away from there"):
        _ = Sequent("sqlite://", projectors=[First, Third]).parts


def test_workflows_are_listed() -> None:
    """One can be found by its name."""
    app = Sequent("sqlite://", workflows=[Mailing])
    assert {workflow.__name__: workflow for workflow in app.workflows} == {"Mailing": Mailing}


def test_a_misspelt_class_keyword_is_refused() -> None:
    """The error names the class, the keyword, what was meant, and what there is."""
    options: Any = {"manages_tabels": None}
    with pytest.raises(
        ConfigurationError, match=r"Misspelt: unknown class keyword 'manages_tabels': did you mean manag"
    ):
        type("Misspelt", (Projector,), {}, **options)
    with pytest.raises(ConfigurationError, match=r"Misspelt: .* there is aliases, autoset, autoset_ignore, name"):
        type("Misspelt", (AggregateRoot,), {}, **options)


@pytest.mark.parametrize("base", [Projector, AggregateRoot, Event])
def test_aliases_are_a_list_of_names(base: Any) -> None:
    """One name may stand alone; anything else is an error that shows how to write it."""
    bases: Any = (base,)
    one: Any = types.new_class("One", bases, {"aliases": "Old"}, in_module)
    assert one.__type_aliases__ == ("Old",)
    with pytest.raises(ConfigurationError, match=r"None_: aliases=None must be a list of names"):
        types.new_class("None_", bases, {"aliases": None}, in_module)


def in_module(namespace: dict[str, Any]) -> None:
    """What a class statement does first."""
    namespace["__module__"] = __name__


WHOLE = {
    "__init__": "",
    "shop/__init__": "",
    "shop/selling/__init__": "",
    "shop/selling/commands": "from sequent_sa import Command\nclass Sell(Command): ...\n",
    "shop/selling/events": "from sequent_sa import Event\nclass Sold(Event): ...\nclass Forgotten(Event): ...\n",
    "shop/selling/handlers": """
from sequent_sa import CommandHandler, Projector, Workflow, on
from {name}.shop.selling.commands import Sell
from {name}.shop.selling.events import Sold

class Base(CommandHandler):
    __abstract__ = True

class SellCommandHandler(Base):
    @on(Sell)
    def sell(self, command: Sell) -> None: ...

class LoudSellCommandHandler(SellCommandHandler): ...

class SoldProjector(Projector, manages_tables=None):
    @on(Sold)
    def sold(self, event: Sold) -> None: ...

class LeftOutProjector(SoldProjector):
    __abstract__ = True

class SoldWorkflow(Workflow):
    @on(Sold)
    def sold(self, event: Sold) -> None: ...
""",
    "elsewhere": "from {name}.shop.selling.handlers import SellCommandHandler, SoldProjector\n",
}

NewPackage = Callable[[Mapping[str, str]], str]


@pytest.fixture
def new_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewPackage]:
    """Writes a package that nobody has imported, from the texts of its modules; `{name}` in them is its name."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def make(modules: Mapping[str, str]) -> str:
        name = f"package_{tmp_path.name}_{len(made)}".replace("-", "_")
        made.append(name)
        for path, text in modules.items():
            file = tmp_path / name / f"{path}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("{name}", name))
        return name

    yield make
    for module in [module for module in sys.modules if module.partition(".")[0] in made]:
        del sys.modules[module]


def names(classes: Iterable[type]) -> list[str]:
    """The names of classes, to be compared with."""
    return [cls.__name__ for cls in classes]


def test_every_handler_in_a_package_is_found(new_package: NewPackage) -> None:
    """Nobody has to import a module of it: nested ones are found, indirect subclasses too, and each class once."""
    app = Sequent("sqlite://", packages=[new_package(WHOLE)])

    assert ["SellCommandHandler", "LoudSellCommandHandler"] == names(app.parts.command_handlers)
    assert (["SoldProjector"], ["SoldWorkflow"]) == (names(app.projectors), names(app.workflows))
    assert app.type_names.event_class("Forgotten") is not None


def test_nothing_is_imported_before_it_is_needed(new_package: NewPackage) -> None:
    """The modules of a package may import the application."""
    name = new_package(
        {**WHOLE, "app": "from sequent_sa import Sequent\napp = Sequent('sqlite://', packages=['{name}'])\n"}
    )
    app: Sequent = importlib.import_module(f"{name}.app").app

    assert f"{name}.shop" not in sys.modules
    assert ["SoldProjector"] == names(app.projectors)
    assert f"{name}.shop" in sys.modules


def test_what_is_abstract_is_left_out_and_may_be_named(new_package: NewPackage) -> None:
    """A class that only some applications want is marked, and named by those; subclasses do not inherit the mark."""
    name = new_package({**WHOLE, "more": "from {name}.shop.selling.handlers import *\nclass More(Base): ...\n"})
    handlers = importlib.import_module(f"{name}.shop.selling.handlers")

    app = Sequent("sqlite://", packages=[name], command_handlers=[handlers.Base])

    assert ["Base", "More", "SellCommandHandler", "LoudSellCommandHandler"] == names(app.parts.command_handlers)


def test_given_handlers_come_first(new_package: NewPackage) -> None:
    """What is named is there besides what packages have, in that order."""
    app = Sequent("sqlite://", packages=[new_package(WHOLE)], workflows=[Mailing], projectors=[First])

    assert (["Mailing", "SoldWorkflow"], ["First", "SoldProjector"]) == (names(app.workflows), names(app.projectors))


@pytest.mark.parametrize(
    ("option", "handler"),
    [
        ("command_handlers", "SellCommandHandler"),
        ("projectors", "SoldProjector"),
        ("workflows", "SoldWorkflow"),
    ],
)
def test_what_a_package_has_is_not_named_again(new_package: NewPackage, option: str, handler: str) -> None:
    """Whoever names it thinks that it would not be found; the error has the class and how often it is there."""
    name = new_package(WHOLE)
    given = vars(importlib.import_module(f"{name}.shop.selling.handlers"))[handler]
    options: Any = {option: [given]}

    with pytest.raises(ConfigurationError, match=rf"^{handler} is registered 2 times: name it once in {option}"):
        _ = Sequent("sqlite://", packages=[name], **options).parts


def test_packages_may_overlap_and_come_from_elsewhere(new_package: NewPackage) -> None:
    """A class belongs to one module: a package inside of another adds nothing, and a plug-in its own handlers."""
    name = new_package(WHOLE)
    plug_in = new_package({"__init__": "from sequent_sa import Workflow\nclass PlugIn(Workflow): ...\n"})

    app = Sequent("sqlite://", packages=[name, f"{name}.shop.selling", plug_in])

    assert ["SoldWorkflow", "PlugIn"] == names(app.workflows)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("import a_module_that_is_missing\n", ModuleNotFoundError),
        ("from sequent_sa import Projector\nclass Untold(Projector): ...\n", ConfigurationError),
    ],
)
def test_a_mistake_in_any_module_is_an_error(new_package: NewPackage, module: str, expected: type[Exception]) -> None:
    """A module that cannot be imported, or a projector that does not say its tables, leaves no handler out silently."""
    app = Sequent("sqlite://", packages=[new_package({**WHOLE, "shop/late": module})])

    with pytest.raises(expected, match=r"a_module_that_is_missing|Untold does not say which tables it manages"):
        _ = app.parts
    with pytest.raises(ConfigurationError, match=r"packages=\['nowhere'\]: there is no module 'nowhere'"):
        _ = Sequent("sqlite://", packages=["nowhere"]).parts


def test_an_application_begins_with_nothing(new_package: NewPackage) -> None:
    """Handlers of other applications, or defined before, are not registered; new ids are ordered by time."""
    _ = Sequent("sqlite://", packages=[new_package(WHOLE)], workflows=[Mailing]).parts

    app = Sequent("sqlite://")

    assert ([], [], []) == (app.parts.command_handlers, app.parts.projectors, app.parts.workflows)
    assert (7, True) == (app.new_uuid().version, app.new_uuid() < app.new_uuid())


def test_the_same_application_elsewhere_has_the_same_parts(new_package: NewPackage) -> None:
    """`on` changes the database and nothing else."""
    app = Sequent("sqlite://", packages=[new_package(WHOLE)], workflows=[Mailing], environment="production")

    other = app.on("sqlite:///other.db")

    assert (app.workflows, app.projectors, "production") == (other.workflows, other.projectors, other.environment)
    assert ("other.db", None) == (Path(str(other.engine.url.database)).name, app.engine.url.database)


def test_an_engine_stays_the_hosts() -> None:
    """The engine that is given is the one that is used, with the pool that its owner chose."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    app = Sequent(engine)
    app.create_all()

    assert app.engine.pool is engine.pool
    assert isinstance(engine.pool, StaticPool)
    engine.dispose()


def test_the_schemas_have_the_names_of_sequent() -> None:
    """Tools and people find them where an existing Sequent application has them."""
    assert ("sequent_schema", "view_schema") == (tables.metadata.schema, VIEW_SCHEMA)


def test_the_environment_is_given_or_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the application says wins over SEQUENT_ENV, which wins over development."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEQUENT_ENV", raising=False)
    assert "development" == Sequent("sqlite://").environment
    monkeypatch.setenv("SEQUENT_ENV", "test")
    assert ("test", "production") == tuple(
        Sequent("sqlite://", environment=each).environment for each in (None, "production")
    )
