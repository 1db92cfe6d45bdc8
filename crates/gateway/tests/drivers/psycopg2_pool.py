"""psycopg2 with its own pool: libpq's simple protocol, named cursors, COPY, cancelling."""

import io
import select
import threading
from contextlib import contextmanager

import psycopg2
from psycopg2 import errors, extensions
from psycopg2.extras import Json, RealDictCursor, execute_batch, execute_values, register_uuid
from psycopg2.pool import ThreadedConnectionPool

from places import ROW, SESSION, raises, run

register_uuid()


@contextmanager
def clients(tenant, **options):
    pool = ThreadedConnectionPool(1, 4, dbname=tenant, **options)
    try:
        yield pool
    finally:
        pool.closeall()


@contextmanager
def client(tenant, **options):
    connection = psycopg2.connect(dbname=tenant, **options)
    try:
        yield connection
    finally:
        connection.close()


def fetch(connection, query, values=None):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def types(place):
    names = ", ".join(ROW)
    places = ", ".join("%(mood)s::mood" if name == "mood" else f"%({name})s" for name in ROW)
    nothing = dict.fromkeys(ROW) | {"id": 2}
    with client(place.tenant) as one, client(place.other) as two:
        with one, one.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(f"INSERT INTO samples ({names}) VALUES ({places})", ROW | {"document": Json(ROW["document"])})
            cursor.execute(f"INSERT INTO samples ({names}) VALUES ({places})", nothing)
            cursor.execute(f"SELECT {names} FROM samples ORDER BY id")
            found, empty = ({**row} for row in cursor.fetchall())
            assert found | {"raw": bytes(found["raw"])} == ROW, found
            assert empty == nothing, empty
            cursor.execute("UPDATE samples SET number = number + %s WHERE id = ANY(%s) RETURNING number", (1, [1, 2]))
            assert [row["number"] for row in cursor.fetchall()] == [-41, None]
        assert fetch(two, "SELECT count(*) FROM samples") == [(0,)]
        two.rollback()
        with one, one.cursor() as cursor:
            cursor.execute("DELETE FROM samples")
            assert cursor.rowcount == 2


def transactions(place):
    with client(place.tenant) as one:
        with one, one.cursor() as cursor:
            cursor.execute("INSERT INTO notes (id, slug) VALUES (1, 'one')")
            cursor.execute("SAVEPOINT here")
            error = raises(errors.UniqueViolation, lambda: cursor.execute("INSERT INTO notes (id, slug) VALUES (2, 'one')"))
            assert error.pgcode == "23505" and error.diag.table_name == "notes", error
            raises(errors.InFailedSqlTransaction, lambda: cursor.execute("SELECT 1"))
            cursor.execute("ROLLBACK TO here")
            cursor.execute("INSERT INTO notes (id, slug) VALUES (3, 'three')")
        with one.cursor() as cursor:
            cursor.execute("DELETE FROM notes")
        one.rollback()
        assert fetch(one, "SELECT array_agg(id ORDER BY id) FROM notes") == [([1, 3],)]
        one.rollback()
        one.set_session(isolation_level="SERIALIZABLE", readonly=True)
        assert raises(errors.ReadOnlySqlTransaction, lambda: fetch(one, "DELETE FROM notes")).pgcode == "25006"
        one.rollback()
        one.set_session(isolation_level="READ COMMITTED", readonly=False, autocommit=True)
        assert one.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE
        fetch(one, "DELETE FROM notes RETURNING id")


def prepared(place):
    """SQL's own PREPARE, for the time of one transaction."""
    with client(place.tenant) as one, client(place.other) as two:
        for _ in range(3):
            ids = set()
            for each in (one, two):
                with each, each.cursor() as cursor:
                    cursor.execute("PREPARE plan (int) AS SELECT tenancy.tenant_id(), $1")
                    cursor.execute("EXECUTE plan (%s)", (7,))
                    id, seven = cursor.fetchone()
                    assert seven == 7
                    ids.add(id)
                    cursor.execute("DEALLOCATE plan")
            assert len(ids) == 2, ids


def batches(place):
    rows = [(n, f"slug {n}") for n in range(1000)]
    with client(place.tenant) as one, client(place.other) as two:
        with one, one.cursor() as cursor:
            execute_values(cursor, "INSERT INTO notes (id, slug) VALUES %s", rows, page_size=300)
            execute_batch(cursor, "UPDATE notes SET body = %s WHERE id = %s", [(f"body {n}", n) for n, _ in rows])
            cursor.executemany("UPDATE notes SET slug = %s WHERE id = %s", [(None, n) for n in range(20)])
        assert fetch(one, "SELECT count(*), count(slug), count(body) FROM notes") == [(1000, 980, 1000)]
        one.rollback()
        assert fetch(two, "SELECT count(*) FROM notes") == [(0,)]
        two.rollback()
        out = io.StringIO()
        with one, one.cursor() as cursor:
            cursor.copy_expert("COPY (SELECT id, body FROM notes ORDER BY id) TO STDOUT (FORMAT csv)", out)
        assert out.getvalue().splitlines()[999] == "999,body 999"
        with one, one.cursor(name="piecewise") as cursor:
            cursor.itersize = 64
            cursor.execute("SELECT id FROM notes ORDER BY id")
            assert [id for (id,) in cursor] == list(range(1000))
        with one, one.cursor(name="scrolls", scrollable=True) as cursor:
            cursor.execute("SELECT id FROM notes ORDER BY id")
            cursor.scroll(500)
            assert cursor.fetchmany(2) == [(500,), (501,)]
            cursor.scroll(-2)
            assert cursor.fetchone() == (500,)
        with one, one.cursor() as cursor:
            cursor.execute("DELETE FROM notes")


def held(place):
    """A cursor WITH HOLD lives on after its transaction: only where the session has its connection for itself."""
    if not SESSION:
        return
    with client(place.tenant) as one:
        one.autocommit = True
        with one.cursor(name="held", withhold=True) as cursor:
            cursor.execute("SELECT generate_series(1, 100)")
            assert cursor.fetchmany(2) == [(1,), (2,)]
            assert fetch(one, "SELECT 1") == [(1,)]
            assert cursor.fetchmany(2) == [(3,), (4,)]


def notices(place):
    with client(place.tenant) as one:
        one.autocommit = True
        one.cursor().execute("DROP TABLE IF EXISTS nothing")
        assert one.notices == ['NOTICE:  table "nothing" does not exist, skipping\n'], one.notices


def cancels(place):
    with client(place.tenant, options="-c statement_timeout=150") as one:
        raises(errors.QueryCanceled, lambda: fetch(one, "SELECT pg_sleep(60)"))
        one.rollback()
        assert fetch(one, "SHOW statement_timeout") == [("150ms",)]
    with client(place.tenant) as one, client(place.other) as two:
        ended = []
        sleeping = threading.Thread(
            target=lambda: ended.append(raises(errors.QueryCanceled, lambda: fetch(one, "SELECT pg_sleep(60)")).pgcode)
        )
        sleeping.start()
        # A request that comes before the statement has no effect.
        while sleeping.is_alive():
            one.cancel()
            sleeping.join(0.05)
        assert ended == ["57014"], ended
        one.rollback()
        assert fetch(one, "SELECT 1") == [(1,)]
        one.rollback()
        assert fetch(two, "SELECT 2") == [(2,)]


def notifications(place):
    if not SESSION:
        return
    with client(place.tenant) as one, client(place.tenant) as sender:
        one.autocommit = sender.autocommit = True
        if place.model != "database":
            # It could be meant for another tenant.
            for sql in ["LISTEN news", "NOTIFY news, 'hello'"]:
                try:
                    one.cursor().execute(sql)
                    raise AssertionError("not refused: " + sql)
                except errors.FeatureNotSupported:
                    pass
            assert fetch(one, "SELECT 1") == [(1,)] and not one.notifies
            return
        one.cursor().execute("LISTEN news")
        sender.cursor().execute("NOTIFY news, 'hello'")
        while not one.notifies:
            assert select.select([one], [], [], 20)[0], "the notification does not arrive"
            one.poll()
        assert [(notify.channel, notify.payload) for notify in one.notifies] == [("news", "hello")]


def pooled(place):
    """Threads of two tenants, over pools of their own."""
    failures = []

    def work(pool, tenant, number):
        try:
            for turn in range(10):
                connection = pool.getconn()
                with connection, connection.cursor() as cursor:
                    id = number * 100 + turn
                    cursor.execute("INSERT INTO notes (id, body) VALUES (%s, %s)", (id, f"{tenant} {id}"))
                    cursor.execute("SELECT body FROM notes")
                    assert all(body.startswith(tenant + " ") for (body,) in cursor.fetchall())
                pool.putconn(connection)
        except Exception as error:
            failures.append(error)

    with clients(place.tenant) as ones, clients(place.other) as others:
        both = ((ones, place.tenant), (others, place.other))
        threads = [threading.Thread(target=work, args=(*each, n)) for each in both for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        for pool, _ in both:
            connection = pool.getconn()
            with connection:
                assert len(fetch(connection, "DELETE FROM notes RETURNING id")) == 30
            pool.putconn(connection)


run(types, transactions, prepared, batches, held, notices, cancels, notifications, pooled)
