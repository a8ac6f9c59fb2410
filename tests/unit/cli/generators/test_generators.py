"""What `sequent generate` adds to an application."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sequent_sa.cli.generators.aggregate import generate_aggregate
from sequent_sa.cli.generators.attributes import parse_attributes
from sequent_sa.cli.generators.layout import call
from sequent_sa.cli.generators.messages import generate_command, generate_event
from sequent_sa.cli.generators.names import Name
from sequent_sa.cli.generators.project import Project
from sequent_sa.cli.generators.reactions import generate_projector, generate_workflow
from sequent_sa.configuration import Configuration
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.command import Command, UpdateCommand
from sequent_sa.messages.event import Event

Step = Callable[[Project], list[str]]

POST = "shop/domain/post"


def text_of(root: Path) -> dict[str, str]:
    """Every file of the application."""
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def grow(root: Path, *steps: Step) -> dict[str, str]:
    """The files of the application that are new or different after some steps."""
    before = text_of(root)
    for step in steps:
        project = Project(Configuration.load(root, {}))
        step(project)
        project.write()
    return {path: text for path, text in text_of(root).items() if before.get(path) != text}


def aggregate(name: str) -> Step:
    return lambda project: generate_aggregate(project, name)


def command(owner: str, name: str, *attributes: str) -> Step:
    return lambda project: generate_command(project, owner, name, attributes)


def event(owner: str, name: str, *attributes: str) -> Step:
    return lambda project: generate_event(project, owner, name, attributes)


def projector(owner: str) -> Step:
    return lambda project: generate_projector(project, owner)


def workflow(owner: str) -> Step:
    return lambda project: generate_workflow(project, owner)


@pytest.mark.parametrize("name", ["blog-author", "blog_author", "BlogAuthor", "blog author"])
def test_an_aggregate_has_all_of_its_modules(root: Path, name: str) -> None:
    """Command, event, aggregate, handler and a test, under one name however it is written; none of the template's."""
    new = grow(root, aggregate(name))

    folder = "shop/domain/blog_author"
    assert {
        f"{folder}/__init__.py",
        f"{folder}/commands.py",
        f"{folder}/events.py",
        f"{folder}/blog_author.py",
        f"{folder}/blog_author_command_handler.py",
        "tests/domain/blog_author/test_blog_author_command_handler.py",
    } == set(new)
    assert "class AddBlogAuthor(Command):" in new[f"{folder}/commands.py"]
    assert "class BlogAuthorAdded(Event):" in new[f"{folder}/events.py"]
    assert "self.apply(BlogAuthorAdded)" in new[f"{folder}/blog_author.py"]
    assert "add_aggregate(BlogAuthor(command))" in new[f"{folder}/blog_author_command_handler.py"]
    assert [] == [path for path, text in new.items() if "post" in f"{path}{text}".lower()]


@pytest.mark.parametrize("name", ["account", "zoo", "HTTPLog"])
def test_imports_are_sorted_whatever_the_name(root: Path, name: str) -> None:
    """The names of modules and classes decide, not the order of the template."""
    new = grow(root, aggregate(name))

    for text in new.values():
        imports = [line for line in text.splitlines() if line.startswith("from shop")]
        assert sorted(imports, key=lambda line: line.split()[1]) == imports
    camel = {"account": "Account", "zoo": "Zoo", "HTTPLog": "HttpLog"}[name]
    listed = sorted([f"Add{camel}", camel, f"{camel}Added", f"{camel}CommandHandler"])
    init = next(text for path, text in new.items() if path.endswith("__init__.py"))
    assert f"__all__ = [{', '.join(map(repr, listed))}]".replace("'", '"') in init


@pytest.mark.parametrize("there", ["shop/domain/author/x.py", "shop/domain/author.py", "tests/domain/author/"])
def test_an_aggregate_overwrites_nothing(root: Path, there: str) -> None:
    """A directory or a file of its name, or its test, is left alone, and nothing else is written."""
    path = root / there
    path.parent.mkdir(parents=True, exist_ok=True)
    if there.endswith("/"):
        path.mkdir()
        path /= "test_author_command_handler.py"
    path.touch()
    before = text_of(root)

    with pytest.raises(ConfigurationError, match=r"author.* already exists, aborting"):
        grow(root, aggregate("author"))

    assert before == text_of(root)


def test_a_command_has_a_handler_and_is_handed_on(root: Path) -> None:
    """Types are those that Python has, whatever they are called on the command line; each in a line of its own."""
    attributes = ("street:String", "until:DateTime", "price:BigDecimal", "pin:secret", "tags:list[STR]", "note:str?")

    new = grow(root, command("post", "PublishPost", *attributes))

    assert {
        f"{POST}/__init__.py",
        f"{POST}/commands.py",
        f"{POST}/post_command_handler.py",
        "tests/domain/post/test_publish_post.py",
    } == set(new)
    assert new[f"{POST}/commands.py"].endswith(
        'class PublishPost(Command):\n    """Publish post."""\n\n    street: str\n    until: datetime\n'
        "    price: Decimal\n    pin: Secret\n    tags: list[str]\n    note: str | None = None\n"
    )
    assert "from sequent_sa import Command, NotBlank, Secret\n" in new[f"{POST}/commands.py"]
    assert new[f"{POST}/post_command_handler.py"].endswith(
        '    @on(PublishPost)\n    def publish(self, command: PublishPost) -> None:\n        """Publish post."""\n'
        "        self.aggregate(command, Post)\n"
    )
    assert '    "PublishPost",\n]' in new[f"{POST}/__init__.py"]
    says_what_to_change = "    sequent.then_no_events()  # then_events(...), once the handler applies some\n"
    assert new["tests/domain/post/test_publish_post.py"].endswith(says_what_to_change)


def test_an_event_has_a_handler_in_the_aggregate(root: Path) -> None:
    """It is an event, not a command, and the command handler is not touched."""
    new = grow(root, event("post", "PostPublished", "date:date"))

    assert {
        f"{POST}/__init__.py",
        f"{POST}/events.py",
        f"{POST}/post.py",
        "tests/domain/post/test_post_published.py",
    } == set(new)
    assert new[f"{POST}/events.py"].endswith(
        'class PostPublished(Event):\n    """Post published."""\n\n    date: date\n'
    )
    assert new[f"{POST}/post.py"].endswith(
        "    @on(PostPublished)\n    def _published(self, event: PostPublished) -> None:\n        pass\n"
    )


def test_what_somebody_wrote_stays_as_it_is(root: Path) -> None:
    """All lines are still there, comments and odd spacing too; only imports and lists of names have grown."""
    handlers = root / POST / "post_command_handler.py"
    odd = handlers.read_text().replace('"""Make the post."""', 'x  =  {"a":1}   # mine') + "\n\n# The end.\n"
    handlers.write_text(odd)

    changed = grow(root, command("post", "PublishPost"))[f"{POST}/post_command_handler.py"]

    gone = [line for line in difflib.ndiff(odd.splitlines(), changed.splitlines()) if line.startswith("- ")]
    assert ["- from shop.domain.post.commands import AddPost"] == gone
    assert changed.endswith("        self.aggregate(command, Post)\n\n\n# The end.\n")


def test_a_projector_and_a_workflow_are_listed(root: Path) -> None:
    """Both have a test; their packages hand them on, and one that is missing is made."""
    new = grow(root, aggregate("author"), projector("author"), workflow("author"))

    assert {
        "shop/projectors/author_projector.py",
        "shop/records/author_record.py",
        "tests/projectors/test_author_projector.py",
        "shop/workflows/author_workflow.py",
        "tests/workflows/test_author_workflow.py",
    } < set(new)
    assert '__all__ = ["AuthorProjector", "PostProjector"]' in new["shop/projectors/__init__.py"]
    assert '__all__ = ["AuthorRecord", "PostRecord", "ViewRecord"]' in new["shop/records/__init__.py"]
    assert '__all__ = ["AuthorWorkflow"]' in new["shop/workflows/__init__.py"]
    more = grow(root, workflow("post"))
    assert '__all__ = ["AuthorWorkflow", "PostWorkflow"]' in more["shop/workflows/__init__.py"]


def test_a_test_begins_with_what_the_first_event_needs(root: Path) -> None:
    """Attributes of the first event have values; types that only the application knows leave the test to its author."""
    events = root / POST / "events.py"
    first = '    """There is a new post."""\n'
    events.write_text(events.read_text().replace(first, f'{first}\n    at: "date | None"\n    words: list[str]\n'))
    assert "tests/domain/post/test_post_read.py" not in grow(root, event("post", "PostRead"))
    events.write_text(events.read_text().replace('"date | None"', "int"))

    new = grow(root, event("post", "PostHidden"), command("post", "HidePost"))

    for test in ("test_post_hidden", "test_hide_post"):
        assert 'history.add(PostAdded, at=1, words=["text"])' in new[f"tests/domain/post/{test}.py"]


NAMES = {
    "1post": "begin with a letter",
    "pöst": "begin with a letter",
    "": "begin with a letter",
    "../post": "begin with a letter",
    "class": "means something else in Python",
    "None": "means something else in Python",
    "exception": "means something else in Python",
    "Event": "means something else in Python",
    "UUID": "means something else in Python",
}


@pytest.mark.parametrize(("name", "said"), NAMES.items())
@pytest.mark.parametrize("kind", ["aggregate", "command", "event"])
def test_a_bad_name_is_refused(root: Path, kind: str, name: str, said: str) -> None:
    """The error repeats it, says what it was to be, and nothing is written."""
    step = {"aggregate": aggregate(name), "command": command("post", name), "event": event("post", name)}[kind]
    before = text_of(root)
    with pytest.raises(ConfigurationError, match=rf"is no name for an? {kind}: .*{said}"):
        grow(root, step)
    assert before == text_of(root)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (aggregate("events"), "there is a module of that name"),
        (aggregate("post"), r"^shop/domain/post already exists, aborting"),
        (command("pots", "X"), r"^aggregate 'pots' not found, aborting: there is no .*commands.py; there are post$"),
        (event("pots", "X"), r"^aggregate 'pots' not found, aborting: there is no .*events.py; there are post$"),
        (projector("pots"), r"^aggregate 'pots' not found, aborting"),
        (workflow("pots"), r"^aggregate 'pots' not found, aborting"),
        (command("post", "AddPost"), r"^AddPost already exists, aborting: shop/domain/post/commands.py has it$"),
        (event("post", "post_added"), r"^PostAdded already exists, aborting: shop/domain/post/events.py has it$"),
        (command("post", "Annotated"), r"^shop/domain/post/commands.py has something of the name Annotated already"),
        (projector("post"), r"^shop/projectors/post_projector.py already exists, aborting"),
        (command("post", "Do", "a"), r"^'a' is no attribute: write its name and its type"),
        (command("post", "Do", "a:"), "is no attribute"),
        (command("post", "Do", "a:money"), r"^there is no type 'money': use str, int"),
        (command("post", "Do", "a:list[money]"), "there is no type 'money'"),
        (command("post", "Do", "a:dict[str]"), r"^there is no type 'dict\[str\]'"),
        (command("post", "Do", "a:dict[int,str]"), r"^there is no type 'dict\[int,str\]'"),
        (command("post", "Do", f"a:{'list[' * 2000}str{']' * 2000}"), "^the type of 'a' is nested too deep$"),
        (command("post", "Do", "a:list[str"), r"there is no type 'list\[str'"),
        (command("post", "Do", "a:int", "a:str"), r"^the attribute 'a' is given 2 times$"),
        (command("post", "Do", "class:int"), r"^'class' is no name for an attribute: begin with a small letter"),
        (command("post", "Do", "Name:int"), "is no name for an attribute"),
        (command("post", "Do", "list:list[int]"), "nor the name of a type"),
        (command("post", "Do", "dt:date"), "nor the name of a type"),
        (command("post", "Do", "aggregate_id:uuid"), r"'aggregate_id' is no name for an attribute: every Command has"),
        (command("post", "Do", "validate:bool"), "every Command has one already"),
        (event("post", "Done", "sequence_number:int"), "every Event has one already"),
        (event("post", "Done", "created_at:datetime"), "every Event has one already"),
    ],
)
def test_a_mistake_is_one_clear_line(root: Path, step: Step, said: str) -> None:
    """Nothing is written, not even a part."""
    before = text_of(root)
    with pytest.raises(ConfigurationError, match=said) as raised:
        grow(root, step)
    assert "\n" not in str(raised.value)
    assert before == text_of(root)


def test_names_in_other_aggregates_count(root: Path) -> None:
    """Two commands of one name could not be stored apart."""
    grow(root, aggregate("author"))
    with pytest.raises(
        ConfigurationError, match=r"AddPost already exists, aborting: shop/domain/post/commands.py has it"
    ):
        grow(root, command("author", "AddPost"))


@pytest.mark.parametrize("missing", ["commands.py", "post_command_handler.py"])
def test_an_aggregate_without_a_module_is_not_found(root: Path, missing: str) -> None:
    """The error names the file."""
    (root / POST / missing).unlink()
    with pytest.raises(
        ConfigurationError, match=rf"aggregate 'post' not found, aborting: there is no {POST}/{missing}"
    ):
        grow(root, command("post", "HidePost"))


def test_a_class_that_is_not_where_it_was_is_named(root: Path) -> None:
    """Somebody renamed the handler's class: the error says which one is looked for, and nothing is written."""
    handlers = root / POST / "post_command_handler.py"
    handlers.write_text(handlers.read_text().replace("PostCommandHandler", "Handlers"))
    before = text_of(root)
    with pytest.raises(ConfigurationError, match=rf"^{POST}/post_command_handler.py has no class PostCommandHandler"):
        grow(root, command("post", "HidePost"))
    assert before == text_of(root)


def test_a_method_of_that_name_is_not_hidden(root: Path) -> None:
    """The whole name is taken where the short one is the framework's, or there already."""
    new = grow(root, command("post", "BindPost"), command("post", "PostAdd"), command("post", "HidePost"))
    handlers = new[f"{POST}/post_command_handler.py"]
    assert [True] * 3 == [f"    def {name}(" in handlers for name in ("bind_post", "post_add", "hide")]
    path = root / POST / "post.py"
    path.write_text(path.read_text() + "\n    def _read(self) -> None: ...\n\n    def _post_read(self) -> None: ...\n")
    with pytest.raises(ConfigurationError, match=r"Post in shop/domain/post/post.py has a method _post_read already"):
        grow(root, event("post", "PostRead"))


def test_a_type_is_not_hidden_by_an_attribute_of_its_name() -> None:
    """`date: date` alone is fine; with another date behind it the module is written out."""

    def declared(*given: str) -> list[str]:
        return [attribute.declaration for attribute in parse_attributes(given, Event)]

    assert ["date: date", "n: int"] == declared("date:date", "n:int")
    assert ["date: dt.date", "until: dt.date"] == declared("date:date", "until:date")
    assert ["date: dt.date | None = None"] == declared("date:date?")
    assert ["date: dt.datetime", "n: list[dt.date]"] == declared("date:datetime", "n:list[date]")
    assert ["n: dict[str, list[Decimal]] | None = None"] == declared("n:dict[str,list[decimal]]?")
    assert ["id: int", "type: str", "open: bool"] == declared("id:int", "type:str", "open:bool")
    assert ["version: int"] == [each.declaration for each in parse_attributes(["version:int"], Command)]
    with pytest.raises(ConfigurationError, match="every UpdateCommand has one"):
        parse_attributes(["sequence_number:int"], UpdateCommand)


def test_nothing_changes_before_it_is_shown(root: Path) -> None:
    """The diff can be applied: it has every new file and every change, and the application is as it was."""
    before = text_of(root)
    project = Project(Configuration.load(root, {}))
    generate_command(project, "post", "HidePost", ["reason:str"])

    shown = project.diff()

    assert before == text_of(root)
    assert "--- /dev/null\n+++ b/tests/domain/post/test_hide_post.py\n" in shown
    assert "--- a/shop/domain/post/commands.py\n+++ b/shop/domain/post/commands.py\n" in shown
    assert "+class HidePost(Command):\n" in shown


def test_a_failure_while_writing_leaves_nothing_behind(root: Path) -> None:
    """What was written before is taken back."""
    (root / "tests" / "domain" / "author").touch()  # a file where a directory is needed
    before = text_of(root)

    with pytest.raises(ConfigurationError, match=r"^tests/domain/author/.* cannot be written: File exists"):
        grow(root, aggregate("author"))

    assert before == text_of(root)
    assert not (root / "shop" / "domain" / "author").exists()


def test_a_failure_while_changing_takes_changes_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of several files cannot be changed: those before it are as they were, and the new ones are gone."""
    before, replace = text_of(root), Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.name == "__init__.py":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ConfigurationError, match=rf"^{POST}/__init__.py cannot be written: No space left on device"):
        grow(root, command("post", "HidePost"))
    assert before == text_of(root)


@pytest.mark.skipif(os.name != "posix", reason="files have no mode there")
def test_a_changed_file_keeps_its_mode(root: Path) -> None:
    """Whoever could read it still can."""
    path = root / POST / "commands.py"
    path.chmod(0o640)
    grow(root, command("post", "HidePost"))
    assert 0o640 == path.stat().st_mode & 0o777


def test_outside_of_an_application_nothing_is_generated(tmp_path: Path, root: Path) -> None:
    """The error says where an application is looked for, and what is missing when its package is not there."""
    with pytest.raises(ConfigurationError, match="no application is named"):
        Project(Configuration.load(tmp_path, {}))
    (root / "shop").rename(root / "moved")
    with pytest.raises(ConfigurationError, match=r"the application is shop.app:app, but .* has no directory shop"):
        Project(Configuration.load(root, {}))
    (root / "src").mkdir()
    (root / "moved").rename(root / "src" / "shop")
    assert "src/shop/domain/author/author.py" in grow(root, aggregate("author"))


def test_names_are_shortened_where_they_repeat_the_aggregate() -> None:
    """In front or behind, and never to what is no name."""
    post = Name.of_aggregate("post")
    found = {
        name: Name.parse(name, "an event").without(post) for name in ("PostAdded", "HidePost", "Posted", "PostClass")
    }
    assert {"PostAdded": "added", "HidePost": "hide", "Posted": "posted", "PostClass": "post_class"} == found


def test_a_call_that_is_too_long_is_broken() -> None:
    """As formatters do it: the arguments in one line, then each in its own."""
    assert "  f(a, b): ..." == call("f", ["a", "b"], ": ...", indent=2, width=14)
    assert "f(\n    first, second\n): ..." == call("f", ["first", "second"], ": ...", indent=0, width=17)
    assert "f(\n    first,\n    second,\n)" == call("f", ["first", "second"], "", indent=0, width=15)
