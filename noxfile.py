"""The checks of this repository. `nox` runs the default ones; `nox --list` shows all.

Arguments after `--` go to pytest: `nox --session tests-3.12 -- tests/unit -k upcast`.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.version import Version

HERE = Path(__file__).parent
PROJECT = nox.project.load_toml(HERE / "pyproject.toml")
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# The Python that runs nox is always among them: on a machine with one Python nothing is left out silently.
PYTHONS = [*SUPPORTED, *({RUNNING} - set(SUPPORTED))]
NEWEST = max((each for each in PYTHONS if each == RUNNING or shutil.which(f"python{each}")), key=Version)

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False  # nox says which tests it skipped for want of their Python
nox.options.sessions = ["lint", "types", "imports", "tests", "docs", "site", "package"]

DOCUMENTATION = "tests/rules/test_documentation.py"
TYPING = "tests/unit/test_typing.py"
# Run by sessions of their own, once: they do not depend on the version of Python.
ELSEWHERE = ["--ignore=tests/acceptance", "--ignore=tests/browser", f"--ignore={DOCUMENTATION}", f"--ignore={TYPING}"]
# What applications never see: these need not work with old dependencies.
NOT_SHIPPED = ["--ignore=tests/rules", "--ignore=tests/integration/test_benchmarks.py"]
# Python compiles what is used when it is used, which takes half the time of all at once.
UNCOMPILED = ("--no-compile",)
# One process of pytest for each core, each with a PostgreSQL server of its own; who has no more work takes another's.
PARALLEL = ("--numprocesses=auto", "--dist=worksteal")

# For what lies below `.nox`, which ruff would leave out without a word.
EVERYTHING = ("--no-respect-gitignore", "--config", "exclude=[]")

# Code that `sequent generate` writes into a new application, where it has to be right at once.
GENERATED = (
    "aggregate author",
    "aggregate zoo-visit",
    "command author ChangeName name:str since:date date:date?",
    "event author AuthorRenamed name:str since:date date:date? secret:secret counts:dict[str,list[decimal]]",
    "command post PublishPost date:date price:decimal author:uuid tags:list[str] at:datetime open:bool? share:float",
    "event post PostPublished date:date price:decimal author:uuid tags:list[str] at:datetime open:bool? share:float",
    "projector author",
    "workflow post",
    "workflow zoo_visit",
)


def install(session: nox.Session, *groups: str, editable: bool = True) -> None:
    """Install dependency groups, and the project as a checkout."""
    project = ["--editable", str(HERE)] if editable else []
    session.install(*UNCOMPILED, *project, *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    install(session, "lint", editable=False)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    # An application is not this project: `sequent_sa` is a library there, and `blog` its own package.
    order = 'lint.isort = {known-first-party = ["blog", "weblog"], known-third-party = ["alembic", "sequent_sa"]}'
    places = ("scaffold", "examples")
    session.run("ruff", "check", "--isolated", "--select=I", "--line-length=120", "--config", order, *places)


@nox.session
def types(session: nox.Session) -> None:
    """Both type checkers on the package, on the examples, on what the documentation shows, and on a new application.

    What is generated passes ruff and its own tests as well.
    """
    install(session, "types")
    session.run("mypy")
    session.run(
        "mypy", *(str(file) for folder in ("browser", "examples") for file in (HERE / "tests" / folder).glob("*.py"))
    )
    session.run("pyright")
    with session.chdir(HERE / "examples" / "weblog"):
        session.run("mypy")
        session.run("pyright")
    session.run("pytest", TYPING)
    place = Path(session.create_tmp()).resolve()
    shutil.rmtree(place)
    (place / "snippets").mkdir(parents=True)
    session.run("python", "-m", "tests.rules.snippets", str(place / "snippets"))
    with session.chdir(place):
        session.run("sequent", "new", "shop")
    with session.chdir(place / "shop"):
        for command in GENERATED:
            session.run("sequent", "generate", *command.split())
        session.run("sequent", "db", "create")
        session.run("alembic", "upgrade", "head")
        session.run("alembic", "revision", "--autogenerate", "-m", "what was generated")
        session.run("ruff", "check", *EVERYTHING, ".")
        session.run("ruff", "format", "--check", *EVERYTHING, ".")
        session.run("sequent", "db", "create", env={"SEQUENT_ENV": "test"})
        session.run("pytest")
    for folder in ("snippets", "shop"):
        (place / folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "exclude": ["alembic"]}')
        with session.chdir(place / folder):
            session.run("mypy", "--strict", "--explicit-package-bases", "--exclude=alembic", ".")
            session.run("pyright")


@nox.session
def imports(session: nox.Session) -> None:
    """Imports run one way."""
    install(session, "imports")
    session.run("lint-imports", "--no-cache")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on SQLite and on a PostgreSQL server that comes from a package.

    All of them on the newest Python that is here; on the others those that need no database.
    """
    install(session, "test")
    which = ELSEWHERE if session.python == NEWEST else ["tests/unit", f"--ignore={TYPING}"]
    session.run("pytest", *(session.posargs or [*PARALLEL, *which]))


@nox.session
def docs(session: nox.Session) -> None:
    """Every snippet of the README and the guides runs; the blog of the tutorial passes ruff and both type checkers."""
    install(session, "test", "checkers")
    # Not in `create_tmp()`, which would be where all tests have their files then: below this repository's settings.
    place = Path(session.virtualenv.location).resolve() / "tutorial"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    session.run("pytest", *(session.posargs or [*PARALLEL, DOCUMENTATION]), env={"SEQUENT_TUTORIAL": str(place)})
    if not session.posargs:
        with session.chdir(place / "blog"):
            session.run("ruff", "check", *EVERYTHING, "blog", "tests")
            session.run("ruff", "format", "--check", *EVERYTHING, "blog", "tests")
            session.run("mypy")
            session.run("pyright")


@nox.session
def site(session: nox.Session) -> None:
    """The documentation site, without warnings; its pages ask no other host for fonts, styles or scripts."""
    install(session, "site")
    place = Path(session.create_tmp()).resolve() / "site"
    session.run("mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place), env={"NO_MKDOCS_2_WARNING": "1"})
    elsewhere = re.compile(
        r"""<(?:script|img|iframe)[^>]*\ssrc=["']?(?:https?:)?//|<link[^>]*rel=["']?stylesheet[^>]*//"""
    )
    pages = [str(page) for page in place.rglob("*.html") if elsewhere.search(page.read_text())]
    if pages:
        session.error(f"these pages load something from another host: {', '.join(pages)}")
    session.log(f"the site is in {place}")


@nox.session
def package(session: nox.Session) -> None:
    """The wheel, built from the source distribution and installed where no checkout is: a new application works."""
    install(session, "package", editable=False)
    place = Path(session.create_tmp()).resolve()
    for leftover in ("dist", "tests"):
        shutil.rmtree(place / leftover, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(place / "dist"), str(HERE))
    (wheel,) = (place / "dist").glob("*.whl")
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.install(str(wheel))
    # pytest finds `sequent_sa` beside `tests` in a checkout; here only the wheel has it.
    for folder in ("acceptance", "blog", "databases", "releases"):
        shutil.copytree(HERE / "tests" / folder, place / "tests" / folder)
    for file in ("pyproject.toml", "tests/__init__.py", "tests/conftest.py"):
        shutil.copyfile(HERE / file, place / file)
    with session.chdir(place):
        session.run("pytest", *PARALLEL, "tests/acceptance", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """The examples in Debian's Chromium."""
    install(session, "browser")
    session.run("python", "-m", "tests.browser.chromium")
    session.run("pytest", "tests/browser", *session.posargs)


@nox.session(python=SUPPORTED[0])
def lowest(session: nox.Session) -> None:
    """The tests with the oldest of everything: Python, the dependencies that pyproject.toml allows, and PostgreSQL.

    The last is the version 15 that Debian has. SQLite comes with Python, and is left out, as is what needs neither.
    """
    constraints = Path(session.create_tmp()) / "lowest.txt"
    lines = [_lowest(Requirement(each)) for each in PROJECT["project"]["dependencies"]]
    constraints.write_text("\n".join(lines) + "\n")
    session.install(
        *UNCOMPILED,
        "--editable",
        str(HERE),
        *nox.project.dependency_groups(PROJECT, "test"),
        "--constraint",
        str(constraints),
    )
    programs = session.run("python", "-m", "tests.databases.debian_postgresql", silent=True) or ""
    session.run(
        "pytest",
        *(session.posargs or [*PARALLEL, *ELSEWHERE, *NOT_SHIPPED, "-k", "not sqlite"]),
        env={"SEQUENT_TEST_POSTGRES_BIN": programs.strip()},
    )


def _lowest(requirement: Requirement) -> str:
    (version,) = (each.version for each in requirement.specifier if each.operator == ">=")
    return f"{requirement.name}=={version}"


@nox.session
def coverage(session: nox.Session) -> None:
    """The tests with coverage; started before pytest, since the plugin imports the package when pytest starts."""
    install(session, "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *(session.posargs or ELSEWHERE))
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure, and write the tables and plots of docs/performance; parts that take long only when they are named."""
    install(session, "benchmarks")
    if shutil.which("npm") is not None:
        with session.chdir(HERE / "benchmarks" / "subjects" / "on_node"):
            session.run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", external=True)
    session.run("python", "-m", "benchmarks.run", *session.posargs)
