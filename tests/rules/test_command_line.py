"""What every command of the command line has in common."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from uuid import UUID

import click
import pytest

from sequent_sa.cli.commands import Lazy
from sequent_sa.cli.generate import GENERATORS
from sequent_sa.cli.main import COMMANDS, sequent
from tests.rules.snippets import ROOT, pages


def commands(command: click.Command = sequent, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command and group, by what is typed for it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))
    yield " ".join(("sequent", *path)), command


ALL = dict(commands())
LEAVES = {name: command for name, command in ALL.items() if not isinstance(command, click.Group)}
REPORTING = ("list", "status", "show", "events", "audit", "doctor", "verify", "take", "adopt", "erase", "delete")


def example(command: click.Command) -> str | None:
    """What help shows as an example."""
    found = re.search(r"^ *Example: (sequent .*)", command.help or "", re.MULTILINE)
    return None if found is None else found[1]


@pytest.mark.parametrize("name", ALL)
def test_the_short_help_is_one_sentence(name: str) -> None:
    """It begins with a capital, ends with a full stop, and has none in between."""
    text = ALL[name].get_short_help_str(1_000)
    assert re.fullmatch(r"[A-Z][^.]*\.", text), text


@pytest.mark.parametrize("lazy", [*COMMANDS.values(), *GENERATORS.values()], ids=lambda lazy: lazy.where)
def test_the_list_of_commands_says_what_each_of_them_says(lazy: Lazy) -> None:
    """Help lists the commands without importing them, in their own words."""
    assert lazy.help == lazy.load().get_short_help_str(1_000)


@pytest.mark.parametrize("name", LEAVES)
def test_help_shows_an_example(name: str) -> None:
    """One that could be typed: of this command, with arguments that it takes."""
    shown = example(LEAVES[name])
    assert shown is not None
    assert f"{shown} ".startswith(f"{name} ")
    LEAVES[name].make_context(name, shlex.split(shown.removeprefix(name)))


@pytest.mark.parametrize("name", LEAVES)
def test_the_guide_has_it(name: str) -> None:
    """The page about the command line names every command, the last word at least, beside its group."""
    *group, last = name.split()
    lines = (ROOT / "docs/guides/command-line.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `sequent")]
    assert any(" ".join(group) in row and f"{last}`" in row for row in rows)


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_says_what_it_does(name: str) -> None:
    """A sentence each; and the same option is the same everywhere."""
    options = [each for each in LEAVES[name].params if isinstance(each, click.Option)]
    assert [] == [each.name for each in options if not re.fullmatch(r"[A-Z].*[.)]", each.help or "")]
    same = {"as_json": "Print JSON, one object a line.", "yes": "Do not ask."}
    assert {each.help for each in options if each.name in same} <= set(same.values())


@pytest.mark.parametrize("name", [name for name in LEAVES if name.rpartition(" ")[2] in REPORTING])
def test_what_reports_can_report_to_a_program(name: str) -> None:
    """Commands that find something out have `--json`."""
    assert "--json" in {option for each in LEAVES[name].params for option in each.opts}


@pytest.mark.parametrize(
    "name", [name for name, command in LEAVES.items() if "yes" in {p.name for p in command.params}]
)
def test_production_needs_a_word_of_its_own(name: str) -> None:
    """Whatever asks before it removes something wants to hear more in production."""
    assert f"--yes-{name.rpartition(' ')[2]}-production" in {o for each in LEAVES[name].params for o in each.opts}


TYPED = re.compile(r"^ *(?:[A-Z_]+=\S+ )*(sequent [a-z][^#<`\n]*)", re.MULTILINE)
MENTIONED = re.compile(r"`sequent ([a-z][^`]*)`")


def understood(line: str) -> bool:
    """Whether the command line takes what somebody types."""
    words = shlex.split(line.replace("AGGREGATE_ID", str(UUID(int=0))))
    known = [count for count in range(2, len(words) + 1) if " ".join(words[:count]) in LEAVES]
    if not known:
        return False
    name = " ".join(words[: known[-1]])
    try:
        LEAVES[name].make_context(name, words[known[-1] :])
    except click.UsageError:
        return False
    return True


def test_what_pages_type_is_understood() -> None:
    """Every command in a block of a page is one that there is, with arguments and options that it takes."""
    lines = {line for page in pages() for line in TYPED.findall(page.read_text())}
    assert len(lines) > 50
    assert ["sequent count"] == sorted(line for line in lines if not understood(line))  # an application's own


def test_what_pages_mention_exists() -> None:
    """A command in the middle of a text is one that there is, or a group, and has the options that are named."""
    mentioned = {words for page in pages() for words in MENTIONED.findall(page.read_text())}
    assert len(mentioned) > 30
    assert ["g"] == sorted(words for words in mentioned if not exists(words))  # short for `generate`


def exists(words: str) -> bool:
    """Whether there is a command or group of this name; the rest are its options, which it has, and arguments."""
    parts = f"sequent {words}".split()
    known = [count for count in range(2, len(parts) + 1) if " ".join(parts[:count]) in ALL]
    if not known:
        return False
    name, rest = " ".join(parts[: known[-1]]), parts[known[-1] :]
    options = {option for each in ALL[name].params for option in each.opts}
    return (name in LEAVES or not rest) and {part for part in rest if part.startswith("--")} <= options
