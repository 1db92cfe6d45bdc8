"""asyncpg after a migration: it keeps statements and what it knows of their columns, and prepares them again once it is told that
they have changed."""

import os
from contextlib import asynccontextmanager

import asyncpg

from peer import run

TABLE = os.environ["MIGRATED_TABLE"]


async def migrate(sql):
    admin = await asyncpg.connect(
        user=os.environ["ADMIN_USER"],
        password=os.environ["ADMIN_PASSWORD"],
        port=int(os.environ["ADMIN_PORT"]),
        database=os.environ["ADMIN_DATABASE"],
    )
    await admin.execute(f"ALTER TABLE {TABLE} {sql}")
    await admin.close()


@asynccontextmanager
async def prepared_elsewhere(query):
    """A client that has prepared the query on a server connection that is another client's now."""
    one, *others = [await asyncpg.connect() for _ in range(3)]
    async with one.transaction():
        keys = set((await one.fetchrow(query)).keys())
        pid = await one.fetchval("SELECT pg_backend_pid()")
    begun = [each.transaction() for each in others]
    await begun[0].start()
    if await others[0].fetchval("SELECT pg_backend_pid()") != pid:
        await begun[1].start()
        assert await others[1].fetchval("SELECT pg_backend_pid()") == pid, "there are two connections"
        await begun.pop(0).rollback()
    else:
        begun.pop()
    yield one, keys
    await begun.pop().rollback()
    for each in (one, *others):
        await each.close()


async def another_result_is_prepared_again():
    query = "SELECT *, 'alone' AS here FROM notes"
    async with prepared_elsewhere(query) as (one, before):
        await migrate("ADD COLUMN mended text DEFAULT 'anew'")
        row = await one.fetchrow(query)
        assert set(row.keys()) == before | {"mended"} and row["mended"] == "anew"


async def a_transaction_fails_once():
    query = "SELECT *, 'in a transaction' AS here FROM notes"
    async with prepared_elsewhere(query) as (one, before):
        await migrate("ADD COLUMN later text DEFAULT 'on'")
        try:
            async with one.transaction():
                await one.fetchrow(query)
            raise AssertionError("the statement was prepared before the migration")
        except asyncpg.InvalidCachedStatementError:
            pass
        async with one.transaction():
            row = await one.fetchrow(query)
        assert set(row.keys()) == before | {"later"} and row["later"] == "on"


async def one_row():
    one = await asyncpg.connect()
    await one.execute("INSERT INTO notes (id, slug, body) VALUES (1, 'one', 'the only one')")
    await one.close()


run(one_row, another_result_is_prepared_again, a_transaction_fails_once)
