"""asyncpg with its own pool, whose clients share one server connection with those of another tenant's pool."""

import asyncio
import datetime
import io
import json
import uuid
from decimal import Decimal

import asyncpg

from peer import COPIES_IN, OTHER, TENANT, run

ROW = {
    "id": 1,
    "number": -42,
    "amount": Decimal("1234567.8901"),
    "ratio": 0.1,
    "flag": True,
    "label": "Grüße, 世界 \\ ' \" %s $1",
    "raw": bytes(range(256)),
    "document": {"list": [1, 2.5, None, "x"], "nested": {"ü": True}},
    "at": datetime.datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=datetime.timezone.utc),
    "day": datetime.date(1970, 1, 1),
    "span": datetime.timedelta(days=3, hours=4, microseconds=5),
    "token": uuid.UUID("0192d3a0-0000-7000-8000-0000000000ff"),
    "numbers": [1, -2, 2**62, None],
    "labels": ["", "a,b", '{"quoted"}', None, "NULL"],
    "mood": "curious",
}


def pool(tenant=TENANT, size=4, **options):
    return asyncpg.create_pool(database=tenant, min_size=size, max_size=size, **options)


async def raises(kind, awaitable):
    try:
        await awaitable
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


async def speaks_json(connection):
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def types():
    names = ", ".join(ROW)
    places = ", ".join(f"${n}" for n in range(1, len(ROW) + 1))
    async with pool(init=speaks_json) as clients:
        await clients.execute(f"INSERT INTO samples ({names}) VALUES ({places})", *ROW.values())
        nothing = dict.fromkeys(ROW) | {"id": 2}
        await clients.execute(f"INSERT INTO samples ({names}) VALUES ({places})", *nothing.values())
        assert dict(await clients.fetchrow(f"SELECT {names} FROM samples WHERE id = $1", 1)) == ROW
        assert dict(await clients.fetchrow(f"SELECT {names} FROM samples WHERE id = $1", 2)) == nothing
        assert await clients.fetchval("SELECT array_agg(mood) FROM samples WHERE id = ANY($1)", [1]) == ["curious"]
    async with pool(size=1) as clients:
        # A type that it does not know makes it look into the catalog, with JIT compilation set off meanwhile.
        assert (await clients.fetchval("SELECT s FROM samples s WHERE id = $1", 1))["number"] == -42
        assert await clients.fetchval("SHOW jit") == "on"
    async with pool(OTHER, size=1) as others:
        assert await others.fetchval("SELECT count(*) FROM samples") == 0


async def statements():
    """The client's cache of statements, smaller than what is used; a kept statement over many transactions."""
    async with pool(statement_cache_size=5) as clients, pool(OTHER, statement_cache_size=5) as others:
        ids = [await each.fetchval("SELECT tenancy.tenant_id()") for each in (clients, others)]
        for turn in range(3):
            for n in range(20):
                query = f"SELECT $1::int + {n}, tenancy.tenant_id()"
                rows = await asyncio.gather(clients.fetchrow(query, turn), others.fetchrow(query, turn))
                assert [tuple(row) for row in rows] == [(turn + n, id) for id in ids]
        async with clients.acquire() as one, others.acquire() as two:
            # To prepare is half a pipeline, which holds the server connection until the statement is first used.
            kept = []
            for each in (one, two):
                kept.append(statement := await each.prepare("SELECT tenancy.tenant_id(), $1::text"))
                assert (await statement.fetchrow("first"))[1] == "first"
            for n in range(20):
                for statement, id in zip(kept, ids):
                    assert tuple(await statement.fetchrow(str(n))) == (id, str(n))
    # Without a cache every statement is unnamed.
    async with pool(statement_cache_size=0) as clients:
        assert await clients.fetchval("SELECT $1::int", 7) == 7
        async with clients.acquire() as one, one.transaction():
            assert [await one.fetchval("SELECT $1::int", n) for n in range(5)] == list(range(5))


async def transactions():
    async with pool(size=1) as clients, clients.acquire() as one:
        async with one.transaction():
            await one.execute("INSERT INTO notes (id, slug) VALUES (1, 'one')")
            try:
                async with one.transaction():
                    await one.execute("INSERT INTO notes (id, slug) VALUES ($1, $2)", 2, "one")
            except asyncpg.UniqueViolationError:
                pass
            await one.execute("INSERT INTO notes (id, slug) VALUES ($1, $2)", 3, "three")
        assert await one.fetchval("SELECT array_agg(id ORDER BY id) FROM notes") == [1, 3]
        broken = one.transaction()
        await broken.start()
        await raises(asyncpg.DivisionByZeroError, one.fetchval("SELECT 1 / $1::int", 0))
        await raises(asyncpg.InFailedSQLTransactionError, one.fetchval("SELECT 1"))
        await broken.rollback()
        serializable = one.transaction(isolation="serializable", readonly=True)
        await serializable.start()
        await raises(asyncpg.ReadOnlySQLTransactionError, one.execute("DELETE FROM notes"))
        await serializable.rollback()
        await one.executemany("INSERT INTO notes (id) VALUES ($1)", [(n,) for n in range(10, 1010)])
        await raises(asyncpg.UniqueViolationError, one.executemany("INSERT INTO notes (id) VALUES ($1)", [(5,), (10,)]))
        assert await one.fetchval("SELECT count(*) FROM notes") == 1002
        await one.execute("DELETE FROM notes; SELECT 1")


async def resets():
    """The pool's reset query runs at each release; what the client set is gone for the next."""
    async with pool(size=1, server_settings={"application_name": "pooled"}) as clients:
        async with clients.acquire() as one:
            await one.execute("SET TIME ZONE 'Asia/Kathmandu'")
            assert await one.fetchval("SHOW TimeZone") == "Asia/Kathmandu"
        async with clients.acquire() as one:
            await one.prepare("SELECT 1")  # never used: the reset finds half a pipeline
        async with pool(OTHER, size=1) as others:
            assert await others.fetchval("SELECT 1") == 1
        async with clients.acquire() as one:
            assert await one.fetchval("SHOW TimeZone") != "Asia/Kathmandu"
            assert await one.fetchval("SHOW application_name") == "pooled"
            started = one.transaction()
            await started.start()
            await one.execute("DECLARE left_open CURSOR FOR SELECT 1")
            await one.reset()
            assert not one.is_in_transaction()
            assert await one.fetchval("SELECT 1") == 1


async def copies():
    async with pool(size=1) as clients, clients.acquire() as one:
        await one.execute("INSERT INTO notes (id, slug) SELECT n, 's' || n FROM generate_series(1, 2000) n")
        for form in ("text", "csv", "binary"):
            out = io.BytesIO()
            query = "SELECT id, slug FROM notes WHERE id > $1"
            assert await one.copy_from_query(query, 0, output=out, format=form) == "COPY 2000"
            assert len(out.getvalue()) > 2000 * 8
        assert await one.copy_from_table("notes", columns=["id"], output=io.BytesIO()) == "COPY 2000"
        await one.execute("DELETE FROM notes")
        records = [(n, "x" * 100 + str(n)) for n in range(3000)]
        copy = one.copy_records_to_table("notes", records=records, columns=["id", "slug"])
        if COPIES_IN:
            assert await copy == "COPY 3000"
            assert await one.fetchval("SELECT count(*) FROM notes") == 3000
            again = one.copy_records_to_table("notes", records=records, columns=["id", "slug"])
            await raises(asyncpg.UniqueViolationError, again)
            await one.execute("DELETE FROM notes")
        else:
            error = await raises(asyncpg.FeatureNotSupportedError, copy)
            assert "COPY FROM not supported with row-level security" in str(error), error
        assert await one.fetchval("SELECT 1") == 1


async def timeouts():
    async with pool(size=1) as clients, clients.acquire() as one:
        await raises(asyncio.TimeoutError, one.execute("SELECT pg_sleep(60)", timeout=0.2))
        assert await one.fetchval("SELECT 1") == 1
        await raises(asyncio.TimeoutError, one.fetch("SELECT pg_sleep($1)", 60, timeout=0.2))
        assert await one.fetchval("SELECT 1") == 1
        sleeping = asyncio.create_task(one.execute("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.1)
        sleeping.cancel()
        await raises(asyncio.CancelledError, sleeping)
        assert await one.fetchval("SELECT 1") == 1


async def cursors():
    async with pool(size=1) as clients, clients.acquire() as one, one.transaction():
        numbers = [row[0] async for row in one.cursor("SELECT generate_series(1, $1::int)", 5000, prefetch=300)]
        assert numbers == list(range(1, 5001))
        cursor = await one.cursor("SELECT generate_series(1, 1000)")
        assert await cursor.forward(500) == 500
        assert [row[0] for row in await cursor.fetch(3)] == [501, 502, 503]


async def notices():
    async with pool(size=1) as clients, clients.acquire() as one:
        heard = []
        one.add_log_listener(listener := lambda _, message: heard.append(message.message))
        await one.execute("DROP TABLE IF EXISTS nothing")
        one.remove_log_listener(listener)
        await asyncio.sleep(0)
        assert heard == ['table "nothing" does not exist, skipping'], heard


async def large():
    async with pool(size=1) as clients, clients.acquire() as one, one.transaction():
        rows = await one.fetch("SELECT n, repeat('x', 50) FROM generate_series(1, 100000) n")
        assert len(rows) == 100000 and tuple(rows[-1]) == (100000, "x" * 50)
        value = bytes(range(256)) * (5 * 4096)
        assert await one.fetchval("INSERT INTO samples (id, raw) VALUES (100, $1) RETURNING raw", value) == value
        await one.execute("DELETE FROM samples WHERE id = 100")


async def many_clients():
    """Eight clients of two tenants on one server connection."""

    async def client(clients, tenant, number):
        for turn in range(20):
            id = number * 100 + turn
            async with clients.acquire() as one:
                await one.execute("INSERT INTO notes (id, body) VALUES ($1, $2)", id, f"{tenant} {id}")
                async with one.transaction():
                    bodies = await one.fetch("SELECT body FROM notes")
                    assert all(row["body"].startswith(tenant + " ") for row in bodies)
                    assert await one.fetchval("SELECT body FROM notes WHERE id = $1", id) == f"{tenant} {id}"

    async with pool() as clients, pool(OTHER) as others:
        both = ((clients, TENANT), (others, OTHER))
        await asyncio.gather(*(client(each, tenant, number) for each, tenant in both for number in range(4)))
        for each, _ in both:
            assert await each.fetchval("SELECT count(*) FROM notes") == 80
            await each.execute("DELETE FROM notes")


run(
    types,
    statements,
    transactions,
    resets,
    copies,
    timeouts,
    cursors,
    notices,
    large,
    many_clients,
)
