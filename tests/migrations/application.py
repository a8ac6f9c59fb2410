"""A small application with view tables and a history of them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from sequent_sa.dialects import dialect_of
from tests.databases import Database
from tests.migrations.command_line import CHECKOUT, run_alembic

RECORDS = """
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column
from sequent_sa import ViewRecordBase

class ViewRecord(ViewRecordBase):
    __abstract__ = True

class Author(ViewRecord):
    __tablename__ = "author_records"
    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)

class Post(ViewRecord):
    __tablename__ = "post_records"
    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("view_schema.author_records.aggregate_id"))
    title: Mapped[str | None] = mapped_column(default=None)
    published: Mapped[datetime | None] = mapped_column(default=None)
    fee: Mapped[Decimal | None] = mapped_column(default=None)
"""

CHANGED_RECORDS = RECORDS.replace(
    "title: Mapped[str | None] = mapped_column(default=None)",
    'title: Mapped[str] = mapped_column(default="", server_default="", index=True)\n'
    '    words: Mapped[int] = mapped_column(default=0, server_default="0")',
).replace("unique=True", "unique=False")

_ENV = """
from sqlalchemy import create_engine
from sequent_sa.alembic import run_migrations
from records import ViewRecord

run_migrations(create_engine({url!r}), target_metadata=ViewRecord.metadata)
"""
_INI = "[alembic]\nscript_location = %(here)s/alembic\nprepend_sys_path = %(here)s\npath_separator = os\n"


class Application:
    """A directory with view records and their migrations, on one database."""

    def __init__(self, directory: Path, database: Database) -> None:
        self.directory = directory
        self.database = database
        self._versions = directory / "alembic" / "versions"
        self._versions.mkdir(parents=True)
        self.history = directory / "alembic.ini"
        self.history.write_text(_INI)
        template = (CHECKOUT / "alembic" / "script.py.mako").read_text()
        (directory / "alembic" / "script.py.mako").write_text(template)
        (directory / "alembic" / "env.py").write_text(_ENV.format(url=database.url))
        self.write(RECORDS)

    def write(self, records: str) -> None:
        """Change the view records."""
        (self.directory / "records.py").write_text(records)

    def alembic(self, *arguments: str) -> str:
        """Run Alembic's command line, which must succeed; what it printed."""
        result = run_alembic(self.directory, *arguments, PYTHONPATH=str(CHECKOUT))
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def generate(self, message: str) -> str:
        """Have a revision written by comparison; its text."""
        self.alembic("revision", "--autogenerate", "-m", message)
        (path,) = self._versions.glob(f"*_{message}.py")
        return path.read_text()

    def add(self, upgrade: str, *, revision: str | None = None, after: str | None = None) -> None:
        """Write a revision by hand, after the one before or the one given."""
        number = len(list(self._versions.glob("*.py"))) + 1
        revision = revision or f"{number:04}"
        before = after or (f"{number - 1:04}" if number > 1 else None)
        body = "".join(f"    {line}\n" for line in upgrade.strip().splitlines())
        (self._versions / f"{revision}.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision = {revision!r}\ndown_revision = {before!r}\n\n"
            f"def upgrade() -> None:\n{body}"
        )

    @property
    def engine(self) -> Engine:
        """The application's engine."""
        return dialect_of(self.database.engine).configure(self.database.engine)

    @property
    def schema(self) -> str | None:
        """Where the view tables are."""
        return "view_schema" if self.database.is_postgresql else None

    def name(self, table: str) -> str:
        """A view table's name in literal SQL."""
        return f"{self.schema}.{table}" if self.schema else table
