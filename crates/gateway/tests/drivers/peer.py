"""What the Python scripts have in common: who they are, and running one check after the other.

The connection's parameters come from libpq's environment variables, which asyncpg reads too.
"""

import asyncio
import inspect
import os
import sys

MODEL = os.environ["TENANCY_MODEL"]
TENANT = os.environ["PGDATABASE"]
OTHER = os.environ["OTHER_TENANT"]

# PostgreSQL copies into no table with row-level security.
COPIES_IN = MODEL == "database"


def run(*checks):
    for check in checks:
        try:
            outcome = check()
            if inspect.isawaitable(outcome):
                asyncio.run(wait_for(outcome))
        except BaseException:
            print(f"{check.__name__} failed for {TENANT} ({MODEL}):", file=sys.stderr)
            raise


async def wait_for(outcome):
    return await outcome


def raises(kind, action):
    """The error of this kind that the action ends in."""
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")
