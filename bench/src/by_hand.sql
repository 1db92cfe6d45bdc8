-- Without Tenantry: the plain table, and tables whose tenant stands in each statement's condition.
CREATE ROLE {user} LOGIN PASSWORD '{verifier}';

INSERT INTO pgbench_accounts (aid, bid, abalance, filler)
SELECT aid, 1, 0, '' FROM generate_series(1, {rows}) aid;
INSERT INTO pgbench_branches (bid, bbalance) SELECT bid, 0 FROM generate_series(1, {branches}) bid;
INSERT INTO pgbench_tellers (tid, bid, tbalance) SELECT tid, 1, 0 FROM generate_series(1, {branches} * 10) tid;

CREATE TABLE accounts_by_hand (
    aid integer NOT NULL,
    bid integer,
    abalance integer,
    filler character(84),
    tenant_id bigint NOT NULL,
    PRIMARY KEY (tenant_id, aid)
);
CREATE TABLE accounts_many (LIKE accounts_by_hand INCLUDING ALL);

INSERT INTO accounts_by_hand SELECT aid, 1, 0, '', {tenant} FROM generate_series(1, {rows}) aid;
INSERT INTO accounts_many
SELECT aid, 1, 0, '', tenant
FROM generate_series({first}, {last}) tenant, generate_series(1, {many_rows}) aid;

GRANT SELECT, INSERT, UPDATE ON pgbench_accounts, pgbench_branches, pgbench_tellers, pgbench_history TO {user};
GRANT SELECT ON accounts_by_hand, accounts_many TO {user};
