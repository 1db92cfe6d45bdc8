"""SQLAlchemy's core and ORM over its own pools, with the dialects of psycopg, psycopg2 and asyncpg."""

import asyncio
import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Optional
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Enum, Float, LargeBinary, Numeric, String, URL
from sqlalchemy import create_engine, delete, func, inspect, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from places import ROW, raises, run


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    slug: Mapped[Optional[str]]
    body: Mapped[Optional[str]]


class Sample(Base):
    __tablename__ = "samples"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[Optional[int]]
    amount: Mapped[Optional[Decimal]] = mapped_column(Numeric(20, 4))
    ratio: Mapped[Optional[float]] = mapped_column(Float(53))
    flag: Mapped[Optional[bool]]
    label: Mapped[Optional[str]]
    raw: Mapped[Optional[bytes]] = mapped_column(LargeBinary)
    document: Mapped[Optional[dict]] = mapped_column(JSONB(none_as_null=True))
    at: Mapped[Optional[datetime]] = mapped_column(DateTime(timezone=True))
    day: Mapped[Optional[date]]
    span: Mapped[Optional[timedelta]]
    token: Mapped[Optional[UUID]]
    numbers: Mapped[Optional[list]] = mapped_column(ARRAY(BigInteger))
    labels: Mapped[Optional[list]] = mapped_column(ARRAY(String))
    mood: Mapped[Optional[str]] = mapped_column(Enum("calm", "curious", "cross", name="mood", create_type=False))


def url(dialect, tenant):
    env = os.environ
    return URL.create(f"postgresql+{dialect}", env["PGUSER"], env["PGPASSWORD"], env["PGHOST"], int(env["PGPORT"]), tenant)


def row_of(sample):
    return {name: getattr(sample, name) for name in ROW}


def sqlstate(error):
    return getattr(error.orig, "sqlstate", None) or error.orig.pgcode


def work(session):
    """What an application does in a session; also behind asyncpg, where SQLAlchemy runs it in a greenlet."""
    session.add_all([Sample(**ROW), Sample(id=2)])
    session.commit()
    found, empty = session.scalars(select(Sample).order_by(Sample.id)).all()
    assert row_of(found) == ROW, row_of(found)
    assert row_of(empty) == dict.fromkeys(ROW) | {"id": 2}
    found.label, found.numbers = "changed", [1]
    session.flush()
    session.expire_all()
    assert (found.label, found.numbers) == ("changed", [1])
    session.rollback()
    assert found.label == ROW["label"]
    session.execute(delete(Sample))
    session.commit()

    session.add(Note(slug="one"))
    session.flush()
    for turn in range(3):
        error = raises(IntegrityError, lambda: nested(session, Note(slug="one")))
        assert sqlstate(error) == "23505", error
    nested(session, Note(slug="two"))
    session.commit()
    session.add_all(Note(slug=f"many {n}") for n in range(1200))
    session.commit()
    ids = session.scalars(insert(Note).returning(Note.id, sort_by_parameter_order=True), [{"slug": f"more {n}"} for n in range(500)])
    assert len(set(ids)) == 500
    session.execute(update(Note), [{"id": id, "body": "updated"} for id in session.scalars(select(Note.id).limit(50))])
    assert session.scalar(select(func.count()).where(Note.body == "updated")) == 50
    seen = 0
    for note in session.scalars(select(Note).execution_options(yield_per=100)):
        seen += 1
    assert seen == 1702, seen
    session.commit()
    for n in range(30):
        assert session.scalar(select(Note.slug).where(Note.slug == f"many {n}")) == f"many {n}"
        session.commit()
    error = raises(DBAPIError, lambda: session.execute(text("SELECT 1 / :zero"), {"zero": 0}))
    assert sqlstate(error) == "22012", error
    session.rollback()
    raises(ProgrammingError, lambda: session.execute(text("SELECT * FROM no_such_table")))
    session.rollback()


def nested(session, row):
    with session.begin_nested():
        session.add(row)


def nothing_of_it(session):
    assert session.scalar(select(func.count()).select_from(Note)) == 0
    assert session.scalar(select(func.count()).select_from(Sample)) == 0
    session.commit()


def clean(session):
    session.execute(delete(Note))
    session.commit()


def sync_dialect(dialect, place):
    engines = [create_engine(url(dialect, tenant), pool_size=2, pool_pre_ping=True) for tenant in (place.tenant, place.other)]
    try:
        with Session(engines[0]) as one, Session(engines[1]) as two:
            nothing_of_it(two)
            work(one)
            nothing_of_it(two)
            clean(one)
        columns = {column["name"] for column in inspect(engines[0]).get_columns("notes")}
        assert columns >= {"id", "slug", "body"}, columns
        with engines[0].connect().execution_options(isolation_level="SERIALIZABLE") as connection:
            assert connection.scalar(text("SHOW transaction_isolation")) == "serializable"
        with engines[0].connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
    finally:
        for engine in engines:
            engine.dispose()


def psycopg3(place):
    sync_dialect("psycopg", place)


def psycopg2(place):
    sync_dialect("psycopg2", place)


def asyncpg(place):
    asyncio.run(asynchronous(place))


async def asynchronous(place):
    engines = [create_async_engine(url("asyncpg", tenant), pool_size=2) for tenant in (place.tenant, place.other)]
    try:
        async with AsyncSession(engines[0]) as one, AsyncSession(engines[1]) as two:
            await two.run_sync(nothing_of_it)
            await one.run_sync(work)
            await two.run_sync(nothing_of_it)
            stream = await one.stream_scalars(select(Note.id).execution_options(yield_per=200))
            assert len([id async for id in stream]) == 1702
            await one.run_sync(clean)
    finally:
        for engine in engines:
            await engine.dispose()


run(psycopg3, psycopg2, asyncpg)
