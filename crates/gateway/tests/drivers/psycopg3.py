"""psycopg 3, sync and async: what applications do with it, as one tenant beside another on one server connection."""

import asyncio
import datetime
import threading
import uuid
from decimal import Decimal
from unittest import mock

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from psycopg.types.enum import EnumInfo
from psycopg.types.json import Jsonb

from peer import COPIES_IN, OTHER, TENANT, raises, run

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


def connect(tenant=TENANT, **options):
    return psycopg.connect(dbname=tenant, **options)


def insert(connection, row):
    values = {name: Jsonb(value) if name == "document" and value is not None else value for name, value in row.items()}
    names = ", ".join(row)
    places = ", ".join("%(mood)s::mood" if name == "mood" else f"%({name})s" for name in row)
    connection.execute(f"INSERT INTO samples ({names}) VALUES ({places})", values)


def types():
    with connect(row_factory=dict_row) as connection:
        insert(connection, ROW)
        nothing = dict.fromkeys(ROW) | {"id": 2}
        insert(connection, nothing)
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            # Of a type that it does not know, the driver gives the bytes.
            query = f"SELECT {', '.join(ROW)}::text FROM samples WHERE id = %s"
            assert cursor.execute(query, [1]).fetchone() == ROW, binary
            assert cursor.execute(query, [2]).fetchone() == nothing, binary
        found = connection.execute("SELECT id FROM samples WHERE id = ANY(%s) AND label IS NOT DISTINCT FROM %s", [[1, 2, 3], None])
        assert found.fetchall() == [{"id": 2}]
        mood = EnumInfo.fetch(connection, "mood")
        assert mood.labels == ["calm", "curious", "cross"], mood
    with connect(OTHER) as other:
        assert other.execute("SELECT count(*) FROM samples").fetchone() == (0,)


def prepared():
    """Many statements over many transactions, more than the client keeps, in turn with another tenant."""
    with connect(prepare_threshold=0, autocommit=True) as one, connect(OTHER, prepare_threshold=0) as two:
        one.prepared_max = two.prepared_max = 7
        for turn in range(3):
            for n in range(25):
                query = f"SELECT %s::int + {n}, tenancy.tenant_id(), (SELECT count(*) FROM notes)"
                [(sum_one, id_one, _)] = one.execute(query, [turn]).fetchall()
                [(sum_two, id_two, _)] = two.execute(query, [turn]).fetchall()
                two.commit()
                assert sum_one == sum_two == turn + n and id_one != id_two
        # One that is used all the time stays, whatever comes and goes around it.
        for n in range(50):
            one.execute("SELECT body FROM notes WHERE id = %s", [n])
            two.execute("SELECT body FROM notes WHERE id = %s", [n])
            two.rollback()


def prepared_with_an_older_libpq():
    """Before version 17 libpq can't send Close: psycopg then sends DEALLOCATE."""
    with mock.patch("psycopg._connection_base._HAS_SEND_CLOSE", False):
        prepared()
        pipelines()


def transactions():
    with connect() as connection:
        connection.execute("INSERT INTO notes (id, slug) VALUES (1, 'one')")
        raises(errors.UniqueViolation, lambda: connection.execute("INSERT INTO notes (id, slug) VALUES (2, 'one')"))
        raises(errors.InFailedSqlTransaction, lambda: connection.execute("SELECT 1"))
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)
        connection.rollback()
        with connection.transaction():
            connection.execute("INSERT INTO notes (id, slug) VALUES (1, 'one')")

            def nested():
                with connection.transaction():
                    connection.execute("INSERT INTO notes (id, slug) VALUES (2, 'two')")
                    connection.execute("SELECT 1 / 0")

            raises(errors.DivisionByZero, nested)
            with connection.transaction():
                connection.execute("INSERT INTO notes (id, slug) VALUES (3, 'three')")
        assert connection.execute("SELECT array_agg(id ORDER BY id) FROM notes").fetchone() == ([1, 3],)
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        connection.read_only = True
        raises(errors.ReadOnlySqlTransaction, lambda: connection.execute("DELETE FROM notes"))
        connection.rollback()
        connection.read_only = None
        connection.execute("DELETE FROM notes")


def pipelines():
    with connect(autocommit=True, prepare_threshold=0) as connection:
        connection.prepared_max = 3
        with connection.pipeline() as pipeline:
            cursors = [connection.execute(f"SELECT {n} + %s", [n]) for n in range(20)]
            pipeline.sync()
            assert [cursor.fetchone() for cursor in cursors] == [(2 * n,) for n in range(20)]
            with connection.transaction():
                connection.execute("INSERT INTO notes (id, body) VALUES (%s, %s)", [1, "piped"])
                body = connection.execute("SELECT body FROM notes WHERE id = %s", [1])
            assert body.fetchone() == ("piped",)
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute("DELETE FROM notes")
            finally:
                assert connection.execute("SELECT count(*) FROM notes").fetchone() == (1,)

        def fails():
            with connection.pipeline() as pipeline:
                connection.execute("INSERT INTO notes (id) VALUES (%s)", [2])
                connection.execute("INSERT INTO notes (id) VALUES (%s)", [1])
                connection.execute("INSERT INTO notes (id) VALUES (%s)", [3])
                pipeline.sync()

        raises(errors.UniqueViolation, fails)
        assert connection.execute("SELECT array_agg(id) FROM notes").fetchone() == ([1],)
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO notes (id, body) VALUES (%s, %s)", [(n, f"body {n}") for n in range(10, 510)])
            cursor.executemany("DELETE FROM notes WHERE id = %s RETURNING id", [(n,) for n in range(10, 510)], returning=True)
            assert sum(len(result.fetchall()) for result in cursor.results()) == 500
        connection.execute("DELETE FROM notes")


def cancels():
    with connect(autocommit=True) as connection:
        for cancel in (connection.cancel, connection.cancel_safe):
            timer = threading.Timer(0.2, cancel)
            timer.start()
            raises(errors.QueryCanceled, lambda: connection.execute("SELECT pg_sleep(60)"))
            timer.join()
            assert connection.execute("SELECT 1").fetchone() == (1,)
            # A cancel between statements hits nobody.
            cancel()
            with connect(OTHER) as other:
                assert other.execute("SELECT 1").fetchone() == (1,)
            assert connection.execute("SELECT 1").fetchone() == (1,)


def cursors():
    with connect() as connection:
        connection.execute("INSERT INTO notes (id, body) SELECT n, 'body' FROM generate_series(1, 5000) n")
        with connection.cursor(name="server side") as cursor:
            cursor.itersize = 700
            cursor.execute("SELECT id FROM notes WHERE id > %s ORDER BY id", [0])
            assert [id for id, in cursor] == list(range(1, 5001))
        with connection.cursor(name="scrolled", scrollable=True) as cursor:
            cursor.execute("SELECT id FROM notes ORDER BY id")
            cursor.scroll(4000, mode="absolute")
            assert cursor.fetchmany(2) == [(4001,), (4002,)]
            cursor.scroll(-2000)
            assert cursor.fetchone() == (2003,)
        stream = connection.cursor().stream("SELECT id FROM notes ORDER BY id LIMIT %s", [300])
        assert [id for id, in stream] == list(range(1, 301))
        connection.rollback()


def copies():
    with connect() as connection:
        connection.execute("INSERT INTO notes (id, slug, body) SELECT n, 's' || n, NULL FROM generate_series(1, 2000) n")
        for form in ("text", "binary"):
            with connection.cursor().copy(f"COPY (SELECT id, slug, body FROM notes) TO STDOUT (FORMAT {form})") as copy:
                copy.set_types(["int8", "text", "text"])
                assert sorted(copy.rows()) == [(n, f"s{n}", None) for n in range(1, 2001)]
        connection.execute("DELETE FROM notes")
        connection.commit()

        def copy_in():
            with connection.cursor().copy("COPY notes (id, slug) FROM STDIN") as copy:
                for n in range(3000):
                    copy.write_row((n, "x" * 100 + str(n)))

        if COPIES_IN:
            copy_in()
            assert connection.execute("SELECT count(*) FROM notes").fetchone() == (3000,)
        else:
            error = raises(errors.FeatureNotSupported, copy_in)
            assert "COPY FROM not supported with row-level security" in str(error), error
        connection.rollback()

        def copy_in_broken():
            with connection.cursor().copy("COPY notes (id, slug) FROM STDIN") as copy:
                copy.write_row((1, "one"))
                raise ZeroDivisionError

        raises(ZeroDivisionError if COPIES_IN else errors.FeatureNotSupported, copy_in_broken)
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def notices():
    heard = []
    with connect(autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: heard.append((notice.severity_nonlocalized, notice.message_primary)))
        connection.execute("DROP TABLE IF EXISTS nothing")
        connection.execute("COMMIT")
    assert heard == [
        ("NOTICE", 'table "nothing" does not exist, skipping'),
        ("WARNING", "there is no transaction in progress"),
    ], heard


def large():
    size = 5 << 20
    with connect() as connection:
        rows = connection.execute("SELECT n, repeat('x', 50) FROM generate_series(1, 100000) n").fetchall()
        assert len(rows) == 100000 and rows[-1] == (100000, "x" * 50)
        value = bytes(range(256)) * (size // 256)
        connection.execute("INSERT INTO samples (id, raw) VALUES (100, %s)", [value])
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            assert cursor.execute("SELECT raw FROM samples WHERE id = 100").fetchone() == (value,)
        # In the text of a simple Query too.
        client_side = psycopg.ClientCursor(connection)
        assert client_side.execute("SELECT length(%s)", ["y" * size]).fetchone() == (size,)
        connection.rollback()


def settings():
    """What the server reports follows the client; the other's is its own."""
    with connect(autocommit=True, options="-c TimeZone=Asia/Kolkata", application_name="app one") as one:
        with connect(OTHER, autocommit=True) as two:
            assert one.info.parameter_status("TimeZone") == "Asia/Kolkata"
            theirs = two.execute("SHOW TimeZone").fetchone()
            one.execute("SET TIME ZONE 'Pacific/Chatham'")
            for _ in range(3):
                assert one.execute("SHOW TimeZone").fetchone() == ("Pacific/Chatham",)
                assert two.execute("SHOW TimeZone").fetchone() == theirs != ("Pacific/Chatham",)
                assert one.execute("SHOW application_name").fetchone() == ("app one",)
            assert one.info.parameter_status("TimeZone") == "Pacific/Chatham"
            moment = one.execute("SELECT timestamptz '2024-06-01 00:00+00'").fetchone()[0]
            assert moment.utcoffset() == datetime.timedelta(hours=12, minutes=45), moment
            with one.transaction():
                one.execute("SET LOCAL statement_timeout = '100ms'")
                raises(errors.QueryCanceled, lambda: one.execute("SELECT pg_sleep(60)"))
                raise psycopg.Rollback
            assert two.execute("SHOW statement_timeout").fetchone() == ("0",)


async def many_clients():
    """Eight clients of two tenants on one server connection: each sees its own rows, and its own plans."""

    async def client(tenant, number):
        connection = await psycopg.AsyncConnection.connect(dbname=tenant, prepare_threshold=0)
        async with connection:
            for turn in range(20):
                id = number * 100 + turn
                await connection.execute("INSERT INTO notes (id, body) VALUES (%s, %s)", [id, f"{tenant} {id}"])
                await connection.commit()
                cursor = await connection.execute("SELECT body FROM notes")
                assert all(body.startswith(tenant + " ") for body, in await cursor.fetchall())
                cursor = await connection.execute("SELECT body FROM notes WHERE id = %s", [id])
                assert await cursor.fetchall() == [(f"{tenant} {id}",)]
                await connection.rollback()

    await asyncio.gather(*(client(tenant, number) for tenant in (TENANT, OTHER) for number in range(4)))
    for tenant in (TENANT, OTHER):
        with connect(tenant) as connection:
            counted = connection.execute("SELECT count(*), count(*) FILTER (WHERE body LIKE %s) FROM notes", [tenant + "%"])
            assert counted.fetchone() == (80, 80)
            connection.execute("DELETE FROM notes")


run(
    types,
    prepared,
    prepared_with_an_older_libpq,
    transactions,
    pipelines,
    cancels,
    cursors,
    copies,
    notices,
    large,
    settings,
    many_clients,
)
