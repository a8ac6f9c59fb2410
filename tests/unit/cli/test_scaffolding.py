"""Turning the template application into a new one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sequent_sa.cli.scaffolding import ApplicationName, directory_named, render, write
from sequent_sa.exceptions import ConfigurationError

FILES = {"README.md": "A shop\n", "shop/domain/order.py": "class Order: ...\n"}


@pytest.mark.parametrize(
    ("text", "package", "camel_case"),
    [
        ("blog", "blog", "Blog"),
        ("blog-with_special-symbols", "blog_with_special_symbols", "BlogWithSpecialSymbols"),
        ("MyHTTPShop", "my_http_shop", "MyHttpShop"),
        ("shop2", "shop2", "Shop2"),
        ("web shop", "web_shop", "WebShop"),
    ],
)
def test_both_forms_follow_from_the_name(text: str, package: str, camel_case: str) -> None:
    """A package is snake_case, a class CamelCase, whatever was typed."""
    assert ApplicationName(package, camel_case) == ApplicationName.parse(text)


@pytest.mark.parametrize("text", ["", "1shop", "shöp", "shop!", "-", "..", "class", "json", "Tests", "sequent-sa"])
def test_a_name_that_python_could_not_import_is_refused(text: str) -> None:
    """Keywords, modules of Python and of what the application uses, and other characters are no names."""
    with pytest.raises(ConfigurationError, match="is no name for an application"):
        ApplicationName.parse(text)


def test_no_name_of_the_template_remains() -> None:
    """The new application bears its own name in every path and every text."""
    files = render(ApplicationName.parse("WebShop"), "blog", "demo")

    assert [] == [path for path, text in files.items() if "blog" in f"{path}{text}".lower()]


def test_the_command_of_the_template_needs_all_it_has() -> None:
    """A post without author, title or content is refused."""
    names: dict[str, Any] = {"__name__": __name__}
    source = render(ApplicationName.parse("shop"), "blog")["shop/domain/post/commands.py"]
    exec(compile(source, "commands.py", "exec", dont_inherit=True), names)
    assert {"author", "title", "content"} == names["AddPost"](
        aggregate_id=UUID(int=1), author="", title=" ", content="\n"
    ).validate().keys()


def test_the_template_under_its_own_name_is_unchanged() -> None:
    """What is checked as the template is what users get."""
    scaffold = Path(__file__).parents[3] / "scaffold" / "blog"

    files = render(ApplicationName.parse("blog"), "blog")

    assert {path: (scaffold / path).read_text("utf-8") for path in files} == files


def test_everything_that_an_application_needs_is_there() -> None:
    """The tests mirror the package, and the migrations are the application's own."""
    expected = {
        ".gitignore",
        "README.md",
        "alembic.ini",
        "alembic/env.py",
        "alembic/script.py.mako",
        "alembic/versions/0001_create_post_records.py",
        "db/README",
        "pyproject.toml",
        "shop/__init__.py",
        "shop/app.py",
        "shop/domain/__init__.py",
        "shop/domain/post/__init__.py",
        "shop/domain/post/commands.py",
        "shop/domain/post/events.py",
        "shop/domain/post/post.py",
        "shop/domain/post/post_command_handler.py",
        "shop/projectors/__init__.py",
        "shop/projectors/post_projector.py",
        "shop/records/__init__.py",
        "shop/records/post_record.py",
        "shop/records/view_record.py",
        "tests/domain/post/test_post_command_handler.py",
        "tests/projectors/test_post_projector.py",
    }

    assert expected == set(render(ApplicationName.parse("shop"), "blog"))


def test_the_files_are_written_and_parents_are_made(tmp_path: Path) -> None:
    """A new application may lie anywhere."""
    target = tmp_path / "work" / "shops" / "shop"

    write(FILES, target)

    assert FILES == {path.relative_to(target).as_posix(): path.read_text() for path in target.rglob("*.*")}


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_an_existing_target_is_left_alone(tmp_path: Path, make: object) -> None:
    """A directory, a file, even a link that leads nowhere, is never overwritten."""
    target = tmp_path / "shop"
    assert callable(make)
    make(target)

    with pytest.raises(ConfigurationError, match="already exists, aborting"):
        write(FILES, target)

    assert [target] == list(tmp_path.iterdir())
    assert not target.is_dir() or not list(target.iterdir())


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    """When a file cannot be written, neither the directory nor its new parents stay."""
    impossible = {**FILES, "x" * 300: ""}

    with pytest.raises(ConfigurationError, match=r"shop cannot be written: File name too long"):
        write(impossible, tmp_path / "work" / "shop")

    assert [] == list(tmp_path.iterdir())


def test_the_home_of_nobody_is_no_directory() -> None:
    """`~` is that of who runs the command, and `~somebody` must be there."""
    assert Path.home() / "shop" == directory_named("~/shop")
    with pytest.raises(ConfigurationError, match=r"'~nobody-at-all/shop' is no directory: there is no such home"):
        directory_named("~nobody-at-all/shop")


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    """Where no directory can be made, the error says so."""
    (tmp_path / "work").touch()

    with pytest.raises(ConfigurationError, match=r"cannot be written"):
        write(FILES, tmp_path / "work" / "shop")


@pytest.mark.skipif(os.name != "posix", reason="directories have no mode there")
def test_the_directory_has_the_usual_mode(tmp_path: Path) -> None:
    """It is as accessible as any directory that the user makes."""
    (tmp_path / "usual").mkdir()

    write(FILES, tmp_path / "shop")

    assert (tmp_path / "usual").stat().st_mode == (tmp_path / "shop").stat().st_mode
