-- What a conversion has done so far, in the database that is converted: a killed one goes on from here.
CREATE TABLE IF NOT EXISTS tenancy.conversion (
  only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  phase       text NOT NULL,
  -- The request that began it: a different one is refused until this one has ended.
  request     jsonb NOT NULL,
  -- The schema as it was found.
  facts       jsonb NOT NULL,
  declaration jsonb NOT NULL,
  begun_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
  changed_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE TABLE IF NOT EXISTS tenancy.conversion_step (
  number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  phase    text NOT NULL,
  place    text NOT NULL,
  sql      text NOT NULL,
  state    text NOT NULL CHECK (state IN ('running', 'done')),
  attempts integer NOT NULL DEFAULT 1,
  begun_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  done_at  timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS conversion_step_once
  ON tenancy.conversion_step (phase, pg_catalog.md5(sql));
-- One row per physical table: the next block to look at, of how many.
CREATE TABLE IF NOT EXISTS tenancy.conversion_backfill (
  relation  text PRIMARY KEY,
  block     bigint NOT NULL DEFAULT 0,
  blocks    bigint NOT NULL,
  batch     bigint NOT NULL,
  rows      bigint NOT NULL DEFAULT 0,
  passes    integer NOT NULL DEFAULT 0,
  done      boolean NOT NULL DEFAULT false,
  begun_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
-- What would have been refused: the first ten thousand; the sequence counts them all, rolled back ones too.
CREATE TABLE IF NOT EXISTS tenancy.violation (
  at          timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  relation    text NOT NULL,
  access      text NOT NULL,
  context     text,
  row_tenant  text,
  login       text NOT NULL,
  application text NOT NULL,
  statement   text NOT NULL
);
CREATE SEQUENCE IF NOT EXISTS tenancy.violations_seen;
REVOKE ALL ON tenancy.conversion, tenancy.conversion_step, tenancy.conversion_backfill, tenancy.violation FROM PUBLIC;
-- Helpers of the conversion, gone when it has ended.
CREATE SCHEMA IF NOT EXISTS tenancy_convert;
REVOKE ALL ON SCHEMA tenancy_convert FROM PUBLIC;
