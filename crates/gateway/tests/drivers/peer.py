"""What the Python scripts have in common: who they are, and running one check after the other.

The connection's parameters come from libpq's environment variables, which asyncpg reads too.
"""

import asyncio
import inspect
import os
import sys
import traceback

MODEL = os.environ["TENANCY_MODEL"]
TENANT = os.environ["PGDATABASE"]
OTHER = os.environ["OTHER_TENANT"]

# PostgreSQL copies into no table with row-level security.
COPIES_IN = MODEL == "database"


def run(*checks):
    failed = False
    for check in checks:
        try:
            print(check.__name__, flush=True)
            outcome = check()
            if inspect.isawaitable(outcome):
                asyncio.run(wait_for(outcome))
        except Exception:
            failed = True
            print(f"{check.__name__} failed for {TENANT} ({MODEL}):", file=sys.stderr)
            traceback.print_exc()
    sys.exit(failed)


async def wait_for(outcome):
    return await outcome


def raises(kind, action):
    """The error of this kind that the action ends in."""
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")
