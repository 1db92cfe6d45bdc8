"""Django's ORM with psycopg 3: with persistent connections, and with psycopg's pool."""

import os

import django
from django.conf import settings
from django.db import close_old_connections, connections, models, transaction
from django.db.models import Count, F, Max, Q
from django.db.utils import DataError, IntegrityError

from places import PLACES, ROW, SESSION, raises, run


def database(tenant, **options):
    env = os.environ
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": tenant,
        "USER": env["PGUSER"],
        "PASSWORD": env["PGPASSWORD"],
        "HOST": env["PGHOST"],
        "PORT": env["PGPORT"],
        "TIME_ZONE": "UTC",
        **options,
    }


DATABASES = {"default": {}}
for place in PLACES:
    # Statements prepared on the server are a choice in Django: psycopg makes them at the first use here.
    prepared = {"prepare_threshold": 0, "server_side_binding": True}
    DATABASES[place.tenant] = database(place.tenant, CONN_MAX_AGE=None, OPTIONS=prepared)
    DATABASES[f"{place.tenant} pooled"] = database(place.tenant, OPTIONS={"pool": {"min_size": 1, "max_size": 2}})
    DATABASES[place.other] = database(place.other, CONN_MAX_AGE=None)

settings.configure(DATABASES=DATABASES, INSTALLED_APPS=["django.contrib.postgres"], USE_TZ=True)
django.setup()

from django.contrib.postgres.fields import ArrayField  # noqa: E402 it wants the settings


class Note(models.Model):
    id = models.BigAutoField(primary_key=True)
    slug = models.TextField(null=True)
    body = models.TextField(null=True)

    class Meta:
        app_label, db_table, managed = "peers", "notes", False


class MoodField(models.TextField):
    def db_type(self, connection):
        return "mood"


class Sample(models.Model):
    id = models.BigIntegerField(primary_key=True)
    number = models.IntegerField(null=True)
    amount = models.DecimalField(null=True, max_digits=20, decimal_places=4)
    ratio = models.FloatField(null=True)
    flag = models.BooleanField(null=True)
    label = models.TextField(null=True)
    raw = models.BinaryField(null=True)
    document = models.JSONField(null=True)
    at = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    token = models.UUIDField(null=True)
    numbers = ArrayField(models.BigIntegerField(null=True), null=True)
    labels = ArrayField(models.TextField(null=True), null=True)
    mood = MoodField(null=True)

    class Meta:
        app_label, db_table, managed = "peers", "samples", False


# Django keeps a duration as it is only for interval columns that it made itself.
VALUES = {name: value for name, value in ROW.items() if name != "span"}


def types(alias, other):
    samples = Sample.objects.using(alias)
    samples.create(**VALUES)
    samples.create(id=2)
    found = samples.get(id=1)
    row = {name: getattr(found, name) for name in VALUES}
    assert row | {"raw": bytes(row["raw"])} == VALUES, row
    assert samples.get(label=None).mood is None
    assert samples.get(document__nested__ü=True).id == 1
    assert samples.get(numbers__2=2**62, labels__contains=["a,b"]).id == 1
    assert samples.get(day__year=1970, at__gte=ROW["at"], token=ROW["token"]).id == 1
    found.number = F("number") + 1
    found.save()
    found.refresh_from_db()
    assert found.number == -41
    assert not Sample.objects.using(other).exists()
    assert samples.all().delete()[0] == 2


def atomically(alias, other):
    notes = Note.objects.using(alias)
    with transaction.atomic(using=alias):
        first = notes.create(slug="one")
        for _ in range(2):

            def again():
                with transaction.atomic(using=alias):
                    notes.create(slug="one")

            error = raises(IntegrityError, again)
            assert error.__cause__.sqlstate == "23505", error
        assert notes.select_for_update().get(id=first.id).slug == "one"

    def fails():
        with transaction.atomic(using=alias):
            notes.update(slug="lost")
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT 1 / %s", [0])

    raises(DataError, fails)
    assert [note.slug for note in notes.all()] == ["one"]
    assert notes.get_or_create(slug="one") == (first, False)
    assert notes.update_or_create(slug="two", defaults={"body": "new"})[1]
    assert not Note.objects.using(other).exists()
    notes.all().delete()


def bulk(alias, other):
    notes = Note.objects.using(alias)
    made = notes.bulk_create([Note(slug=f"slug {n}") for n in range(1000)], batch_size=300)
    assert len({note.id for note in made}) == 1000
    for note in made[:100]:
        note.body = "bulk"
    assert notes.bulk_update(made[:100], ["body"], batch_size=40) == 100
    assert notes.filter(Q(body="bulk") | Q(slug="slug 500")).count() == 101
    assert notes.aggregate(most=Max("slug"), all=Count("id")) == {"most": "slug 999", "all": 1000}
    assert len(notes.in_bulk([note.id for note in made[:10]])) == 10
    with transaction.atomic(using=alias):
        # A cursor of the server's, that ends with the transaction.
        assert sum(1 for _ in notes.iterator(chunk_size=150)) == 1000
    if SESSION:
        # Outside of a transaction Django declares it WITH HOLD.
        assert sum(1 for _ in notes.iterator(chunk_size=150)) == 1000
    with connections[alias].cursor() as cursor:
        cursor.executemany("UPDATE notes SET body = %s WHERE id = %s", [("many", note.id) for note in made[:50]])
        with cursor.copy("COPY (SELECT id FROM notes) TO STDOUT") as copy:
            assert sum(1 for _ in copy.rows()) == 1000
    assert Note.objects.using(other).count() == 0
    assert notes.all().delete()[0] == 1000


def requests(alias, other):
    """Between requests Django closes what is too old and looks whether the rest is alive."""
    for turn in range(5):
        notes, others = Note.objects.using(alias), Note.objects.using(other)
        notes.create(slug=f"mine {turn}")
        others.create(slug=f"theirs {turn}")
        assert all(note.slug.startswith("mine") for note in notes.all())
        assert all(note.slug.startswith("theirs") for note in others.all())
        close_old_connections()
    assert (notes.all().delete()[0], others.all().delete()[0]) == (5, 5)


def persistent(place):
    for check in (types, atomically, bulk, requests):
        check(place.tenant, place.other)
    for alias in (place.tenant, place.other):
        connections[alias].close()


def pooled(place):
    alias = f"{place.tenant} pooled"
    for check in (types, atomically, bulk, requests):
        check(alias, place.other)
    connections[alias].close()
    connections[alias].close_pool()
    connections[place.other].close()


run(persistent, pooled)
