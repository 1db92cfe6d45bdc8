"""What the scripts have in common that visit every tenancy model in one run: the tenants, and running the checks.

Heavy packages are imported once this way. `PLACES` lists the tenants, `POOL_MODE` says how their login is pooled; the
connection's other parameters come from libpq's environment variables.
"""

import json
import os
import sys
import traceback
import uuid
from decimal import Decimal
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

SESSION = os.environ["POOL_MODE"] == "session"


class Place(NamedTuple):
    model: str
    tenant: str
    other: str


PLACES = [Place(**place) for place in json.loads(os.environ["PLACES"])]

# A value of every type that drivers treat in a way of their own.
ROW = {
    "id": 1,
    "number": -42,
    "amount": Decimal("1234567.8901"),
    "ratio": 0.1,
    "flag": True,
    "label": "Grüße, 世界 \\ ' \" %s $1 :name",
    "raw": bytes(range(256)),
    "document": {"list": [1, 2.5, None, "x"], "nested": {"ü": True}},
    "at": datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=timezone.utc),
    "day": date(1970, 1, 1),
    "span": timedelta(days=3, hours=4, microseconds=5),
    "token": uuid.UUID("0192d3a0-0000-7000-8000-0000000000ff"),
    "numbers": [1, -2, 2**62, None],
    "labels": ["", "a,b", '{"quoted"}', None, "NULL"],
    "mood": "curious",
}


def run(*checks):
    """Each check at each place, to the end; exits with failure if one of them failed."""
    failed = False
    for place in PLACES:
        for check in checks:
            try:
                print(place.model, check.__name__, flush=True)
                check(place)
            except Exception:
                failed = True
                print(f"{check.__name__} failed for {place} (session: {SESSION}):", file=sys.stderr)
                traceback.print_exc()
    sys.exit(failed)


def raises(kind, action):
    """The error of this kind that the action ends in."""
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")
