"""Commands in a transaction of a coroutine's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

from sequent_sa import Sequent
from tests.blog import AddComment, FailAfterRename, PostRecord
from tests.databases import Database, PostgreSQLDatabases
from tests.integration.callers import Note, TellingWorkflow, add, new_app, post, stored

told = TellingWorkflow.told


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    app = new_app(database.url)
    yield app
    app.engine.dispose()


def run(app: Sequent, work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine, and close the connections while its loop still runs."""

    async def closing() -> None:
        try:
            await work
        finally:
            await app.async_engine.dispose()

    asyncio.run(closing())


def test_commands_are_part_of_an_async_session(app: Sequent) -> None:
    """They are committed with it, rolled back with it or with a savepoint, and hooks run when it ends."""
    first = add(app)

    async def work() -> None:
        async with app.session_async() as session:
            session.add(Note(id=1))
            await app.execute_commands_async(first, session=session)
            with pytest.raises(RuntimeError):
                await app.execute_commands_async(
                    FailAfterRename(aggregate_id=first.aggregate_id, title="bad"), session=session
                )
            async with session.begin_nested() as savepoint:
                await app.execute_commands_async(add(app, "undone"), session=session)
                await savepoint.rollback()
            record = await session.get_one(PostRecord, first.aggregate_id)
            assert (told, record.title) == ([], "Hi")
            await app.execute_commands_async(AddComment(aggregate_id=first.aggregate_id, text="one"), session=session)
            await session.refresh(record)
            assert record.comments == 1
            await session.commit()
            assert told == ["added rolled back", "added committed", "commented committed"]
            await app.execute_commands_async(add(app, "never"), session=session)
            await session.rollback()
            assert (await session.scalars(select(Note.id))).all() == [1]

    run(app, work())
    assert ((3, 1), ["one"]) == (stored(app), post(app, first.aggregate_id).comments)


def test_other_ways_to_have_a_transaction_in_a_coroutine(app: Sequent) -> None:
    """A connection, the session of a task, a block inside of `run_sync`, and hooks that execute commands."""
    eager = add(app, "eager", author="eager")

    def in_block(session: Session) -> None:
        with app.joined(session):
            app.execute_commands(add(app, "block"))

    async def work() -> None:
        async with app.async_engine.begin() as connection:
            await app.execute_commands_async(add(app, "connection"), session=connection)
        scoped = async_scoped_session(async_sessionmaker(app.async_engine), scopefunc=asyncio.current_task)
        await app.execute_commands_async(add(app, "scoped"), session=scoped)
        await scoped.commit()
        await scoped.remove()
        async with app.session_async() as session:
            await session.run_sync(in_block)
            await app.execute_commands_async(eager, session=session)
            await session.commit()

    run(app, work())
    assert ((9, 4), ["later"]) == (stored(app), post(app, eager.aggregate_id).comments)


def test_what_is_no_session_for_a_coroutine_is_refused(app: Sequent) -> None:
    """A session that would block the event loop, or a connection that was not begun."""

    async def work() -> None:
        for given in (Session(app.engine), app.async_engine.connect(), "session"):
            with pytest.raises(TypeError, match="an AsyncSession, or an AsyncConnection that was begun, is needed"):
                await app.execute_commands_async(add(app), session=given)  # type: ignore[arg-type]

    run(app, work())


def test_a_read_only_session_in_a_coroutine(app: Sequent) -> None:
    """The database refuses to write in it, and others write as before."""

    async def work() -> None:
        async with app.session_async(read_only=True) as session:
            session.add(Note(id=1))
            with pytest.raises(Exception, match=r"read-only|readonly"):
                await session.commit()
            await session.rollback()
            assert (await session.scalars(select(Note.id))).all() == []
        async with app.session_async() as session:
            session.add(Note(id=1))
            await session.commit()

    run(app, work())


def test_an_async_engine_of_the_callers_own(postgresql_databases: PostgreSQLDatabases) -> None:
    """Any engine on the same database will do."""
    database = postgresql_databases.create()
    app = new_app(database.url)

    async def work() -> None:
        engine = create_async_engine(database.url)
        async with AsyncSession(engine) as session, session.begin():
            await app.execute_commands_async(add(app), session=session)
        await engine.dispose()
        assert await count() == 1

    async def count() -> int:
        async with app.session_async() as session:
            return len((await session.scalars(select(PostRecord.title))).all())

    run(app, work())
    app.engine.dispose()
