-- A product's plain schema: pgbench's own table, filled alike in every model.
CREATE TABLE pgbench_accounts (
    aid integer PRIMARY KEY,
    bid integer,
    abalance integer,
    filler character(84)
);
