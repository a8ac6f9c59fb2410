"""What an application is told from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from sequent_sa.configuration import Configuration, normalise_url, with_test_database
from sequent_sa.exceptions import ConfigurationError

TABLE = """
[tool.sequent]
app = "blog.app:app"

[tool.sequent.databases]
development = "sqlite:///db/development.db"
test = "postgres://ben:secret@localhost/blog_test"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The directory of an application."""
    (tmp_path / "pyproject.toml").write_text(TABLE)
    return tmp_path


def test_the_table_of_the_nearest_directory_above_is_read(project: Path) -> None:
    """A command may be given anywhere inside of the application's directory."""
    inside = project / "blog" / "domain"
    inside.mkdir(parents=True)
    (project / "blog" / "pyproject.toml").write_text("[project]\nname = 'something else'\n")

    configuration = Configuration.load(inside, {})

    assert ("blog.app:app", "development", project) == (
        configuration.app,
        configuration.environment,
        configuration.root,
    )


def test_the_environment_chooses_the_database(project: Path) -> None:
    """Each environment has its database; a file is found whatever the working directory is."""
    development = Configuration.load(project, {})
    test = Configuration.load(project, {"SEQUENT_ENV": "test"})

    assert f"sqlite:///{project}/db/development.db" == development.database_url
    assert "postgresql+psycopg://ben:secret@localhost/blog_test" == test.database_url


def test_environment_variables_come_before_the_table(project: Path) -> None:
    """SEQUENT_APP and DATABASE_URL overrule pyproject.toml."""
    given = {"SEQUENT_APP": "shop.app:shop", "DATABASE_URL": "postgresql://localhost/shop", "SEQUENT_ENV": "production"}

    configuration = Configuration.load(project, given)

    assert ("shop.app:shop", "postgresql+psycopg://localhost/shop") == (configuration.app, configuration.database_url)


def test_tests_do_not_run_on_the_database_of_another_environment(project: Path) -> None:
    """DATABASE_URL names the application's database; tests empty theirs, so it is another one."""
    given = {"DATABASE_URL": "postgresql://localhost/shop?connect_timeout=3", "SEQUENT_ENV": "test"}

    configuration = Configuration.load(project, given)

    assert "postgresql+psycopg://localhost/shop_test?connect_timeout=3" == configuration.database_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://localhost/blog", "postgresql+psycopg://localhost/blog_test"),
        ("postgresql+psycopg://localhost/blog_test", "postgresql+psycopg://localhost/blog_test"),
        ("postgresql+psycopg:///blog?host=/run", "postgresql+psycopg:///blog_test?host=/run"),
        ("postgresql+psycopg://localhost", "postgresql+psycopg://localhost"),
        ("sqlite:////data/blog.db", "sqlite:////data/blog_test.db"),
        ("sqlite:////data/blog_test.db", "sqlite:////data/blog_test.db"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_the_test_database_is_named_after_the_other(url: str, expected: str) -> None:
    """`_test` is added once, to the name of the database only."""
    assert expected == with_test_database(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://host/name", "postgresql+psycopg://host/name"),
        ("postgresql://host/name?sslmode=require", "postgresql+psycopg://host/name?sslmode=require"),
        ("postgresql+asyncpg://host/name", "postgresql+asyncpg://host/name"),
        ("sqlite:///blog.db", "sqlite:////srv/blog.db"),
        ("sqlite:////data/blog.db", "sqlite:////data/blog.db"),
        ("sqlite+pysqlite:///blog.db?timeout=3", "sqlite+pysqlite:////srv/blog.db?timeout=3"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:///file:blog.db?uri=true", "sqlite:///file:blog.db?uri=true"),
    ],
)
def test_a_url_says_its_driver_and_its_whole_path(url: str, expected: str) -> None:
    """PostgreSQL is used through psycopg, and relative files are relative to the application."""
    assert expected == normalise_url(url, Path("/srv"))


def test_what_is_no_url_is_refused_without_repeating_it() -> None:
    """A mistyped URL may hold a password, which an error must not show."""
    with pytest.raises(ConfigurationError, match="cannot be read") as refused:
        normalise_url("postgresql:/ben:secret@host")

    assert "secret" not in str(refused.value)


def test_a_password_is_not_shown_by_repr(project: Path) -> None:
    """A configuration that is logged shows no DATABASE_URL."""
    assert "secret" not in repr(Configuration.load(project.parent, {"DATABASE_URL": "postgresql://ben:secret@h/n"}))


def test_a_missing_application_is_an_error_that_says_where_to_name_it(tmp_path: Path) -> None:
    """Outside of an application the message says what to do."""
    with pytest.raises(ConfigurationError, match=r"no application is named .* SEQUENT_APP"):
        _ = Configuration.load(tmp_path, {}).app


def test_production_has_no_database_unless_one_is_given(project: Path) -> None:
    """A forgotten DATABASE_URL must not lead production to a file of its own."""
    with pytest.raises(ConfigurationError, match=r"production environment: set DATABASE_URL"):
        _ = Configuration.load(project, {"SEQUENT_ENV": "production"}).database_url


def test_an_unknown_environment_is_refused(project: Path) -> None:
    """A misspelt SEQUENT_ENV must not choose a database."""
    with pytest.raises(ConfigurationError, match="SEQUENT_ENV is 'prod': choose one of development, test, production"):
        Configuration.load(project, {"SEQUENT_ENV": "prod"})


@pytest.mark.parametrize(
    "text",
    [
        "[tool.sequent\n",
        "tool = 1\n",
        "[tool]\nsequent = 1\n",
        "[tool.sequent]\napp = 1\n",
        "[tool.sequent]\ndatabases = 'sqlite://'\n",
        "[tool.sequent.databases]\nstaging = 'sqlite://'\n",
        "[tool.sequent.databases]\ntest = 1\n",
    ],
)
def test_a_mistake_in_pyproject_names_the_file(tmp_path: Path, text: str) -> None:
    """What cannot be understood is refused with the path of the file."""
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(ConfigurationError, match=r"pyproject\.toml"):
        Configuration.load(tmp_path, {})


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody removed it in another window."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ConfigurationError, match="the working directory is gone"):
        Configuration.load(environ={})


def test_an_alembic_ini_may_be_named(project: Path) -> None:
    """Its path is relative to pyproject.toml; without it the one beside that is meant."""
    assert project / "alembic.ini" == Configuration.load(project, {}).view_migrations
    named = TABLE.replace("[tool.sequent]\n", '[tool.sequent]\nalembic_ini = "config/views.ini"\n')
    (project / "pyproject.toml").write_text(named)
    assert project / "config/views.ini" == Configuration.load(project, {}).view_migrations


def test_commands_and_steps_are_kept_by_name(project: Path) -> None:
    """As they stand there: nothing is imported."""
    more = '[tool.sequent.commands]\ncount = "blog.gone:count"\n[tool.sequent.before]\n"db drop" = "blog.gone:ask"\n'
    (project / "pyproject.toml").write_text(TABLE + more)
    configuration = Configuration.load(project, {})
    assert ({"count": "blog.gone:count"}, {"db drop": "blog.gone:ask"}, {}) == (
        configuration.commands,
        configuration.before,
        configuration.after,
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "[tool.sequent.database]\n",
            "database in [tool.sequent] of .* is no setting: there are after, alembic_ini, app",
        ),
        ("[tool.sequent.after]\nmigrate = ['blog:x']\n", "migrate in [tool.sequent.after] of .* must be a text"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(project: Path, more: str, expected: str) -> None:
    """A misspelt one would silently do nothing."""
    (project / "pyproject.toml").write_text(TABLE + more)
    with pytest.raises(ConfigurationError, match=expected.replace("[", "\\[")):
        Configuration.load(project, {})
