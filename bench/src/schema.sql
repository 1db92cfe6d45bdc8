-- A product's plain schema: pgbench's own tables, filled alike in every model.
CREATE TABLE pgbench_accounts (
    aid integer PRIMARY KEY,
    bid integer,
    abalance integer,
    filler character(84)
);
CREATE TABLE pgbench_branches (
    bid integer PRIMARY KEY,
    bbalance integer,
    filler character(88)
);
CREATE TABLE pgbench_tellers (
    tid integer PRIMARY KEY,
    bid integer,
    tbalance integer,
    filler character(84)
);
CREATE TABLE pgbench_history (
    tid integer,
    bid integer,
    aid integer,
    delta integer,
    mtime timestamp,
    filler character(22)
);
