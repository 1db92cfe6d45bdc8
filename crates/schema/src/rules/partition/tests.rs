//! What becomes of a table, and what is refused.

use super::super::lab::{compiles_to, hits, misses};
use super::*;

const RANGE: &str = "[tables]\nevents = { kind = \"tenant\", partition = { by = \"range\", column = \"at\", every = \"1 month\" } }\n";
const HASH: &str = "[tables]\nevents = { kind = \"tenant\", partition = { by = \"hash\", count = 4 } }\n";
const LIST: &str = "[tables]\nevents = { kind = \"tenant\", partition = { by = \"list\" } }\n";

const TABLE: &str = "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, body text);";

#[test]
fn a_range_takes_its_column_into_the_primary_key() {
    let note = "note: events_pkey on events: (id) is unique for one at only, and ON CONFLICT (id) has no constraint to go by";
    let expected = [
        "change: events: it is partitioned by range (at)",
        "change: events_pkey on events: the primary key takes in at",
        note,
    ];
    hits(&Partitions, TABLE, RANGE, &expected);
    compiles_to(TABLE, RANGE, "PRIMARY KEY (tenant_id, id, at) … PARTITION BY RANGE (at)");
    let call = "SELECT tenancy.manage_partitions('events', 'range', 'at', '1 month', 4, NULL, NULL, ARRAY[]::text[])";
    compiles_to(TABLE, RANGE, call);
}

#[test]
fn hash_and_list_go_by_the_tenant() {
    hits(&Partitions, TABLE, HASH, &["change: events: it is partitioned by hash (tenant_id)"]);
    compiles_to(TABLE, HASH, "PRIMARY KEY (tenant_id, id) … PARTITION BY HASH (tenant_id)");
    compiles_to(TABLE, LIST, "PARTITION BY LIST (tenant_id)");
    compiles_to(
        TABLE,
        LIST,
        "SELECT tenancy.manage_partitions('events', 'list', 'tenant_id', NULL, NULL, NULL, NULL, ARRAY[]::text[])",
    );
}

#[test]
fn global_ids_can_be_partitioned_by_time_alone() {
    let global = "[tenancy]\nkeys = \"global-id\"\n";
    let message = "error: [tables] events: partitions by tenant need the tenant column in every key, and keys = \"global-id\" \
                   leaves it out of the primary key";
    hits(&Partitions, TABLE, &format!("{global}{HASH}"), &[message]);
    hits(&Partitions, TABLE, &format!("{global}{LIST}"), &[message]);
    compiles_to(TABLE, &format!("{global}{RANGE}"), "PRIMARY KEY (id, at)");
}

#[test]
fn uniques_that_cant_contain_the_column() {
    let sql = "CREATE TABLE events (id bigint, at date NOT NULL, code text CONSTRAINT c UNIQUE, UNIQUE (code, at)); 
               CREATE UNIQUE INDEX i ON events (lower(code)); CREATE UNIQUE INDEX j ON events (lower(code), at);";
    let both = [
        "change: events: it is partitioned by range (at)",
        "error: c on events: the unique constraint (code) can't contain at, and would hold within one partition only",
        "error: i on events: the unique index () can't contain at, and would hold within one partition only",
    ];
    hits(&Partitions, sql, RANGE, &both);
    hits(&Partitions, sql, HASH, &["change: events: it is partitioned by hash (tenant_id)"]);
    let declared = format!("{HASH}[unique]\n\"events.code\" = \"global\"");
    let refused = "error: c on events: a unique constraint over all tenants can't be on a table that is partitioned by tenant";
    hits(&Partitions, sql, &declared, &["change: events: it is partitioned by hash (tenant_id)", refused]);
}

#[test]
fn foreign_keys_to_a_range_need_its_column() {
    let sql = "CREATE TABLE events (id bigint, at date NOT NULL, before_id bigint, before_at date, PRIMARY KEY (id, at),
                 CONSTRAINT own FOREIGN KEY (before_id, before_at) REFERENCES events);";
    hits(&Partitions, sql, RANGE, &["change: events: it is partitioned by range (at)"]);
    let child = format!("{TABLE} CREATE TABLE notes (event_id bigint CONSTRAINT of_event REFERENCES events)");
    let refused =
        "error: of_event on notes: it refers to events, which is partitioned by at, without that column";
    hits(
        &Partitions,
        &child,
        RANGE,
        &[
            refused,
            "change: events: it is partitioned by range (at)",
            "change: events_pkey on events: the primary key takes in at",
            "note: events_pkey on events: (id) is unique for one at only, and ON CONFLICT (id) has no constraint to go by",
        ],
    );
    hits(&Partitions, &child, HASH, &["change: events: it is partitioned by hash (tenant_id)"]);
}

#[test]
fn columns_that_have_no_place_in_time() {
    let with = |column: &str| format!("CREATE TABLE events (id bigint, {column})");
    for (column, message) in [
        ("att timestamptz", "events has no column \"at\""),
        ("at timestamptz", "events.at may be null, and a null has no place in time"),
        ("at text NOT NULL", "events.at is no date and no timestamp"),
        (
            "on_ date, at date NOT NULL GENERATED ALWAYS AS (on_) STORED",
            "events.at is generated: a generated column can't be a partition key",
        ),
    ] {
        hits(&Partitions, &with(column), RANGE, &[&format!("error: [tables] events: {message}")]);
    }
    let every = RANGE.replace("1 month", "12 hours");
    hits(&Partitions, TABLE, &every, &["error: [tables] events: every = \"12 hours\" is no period"]);
}

#[test]
fn what_partitioned_tables_dont_have() {
    let changed = "change: events: it is partitioned by hash (tenant_id)";
    hits(
        &Partitions,
        "CREATE UNLOGGED TABLE events (a int)",
        HASH,
        &["error: events: an unlogged table can't be partitioned", changed],
    );
    let check = "CREATE TABLE events (a int, CONSTRAINT own CHECK (a > 0) NO INHERIT)";
    hits(
        &Partitions,
        check,
        HASH,
        &["error: own on events: a NO INHERIT check has no meaning on a partitioned table", changed],
    );
    let trigger = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TABLE events (a int);
        CREATE TRIGGER t AFTER INSERT ON events REFERENCING NEW TABLE AS n FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER u AFTER INSERT ON events REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION f();";
    hits(
        &Partitions,
        trigger,
        HASH,
        &[
            "error: trigger t on events: a row trigger with transition tables can't be on a partitioned table",
            changed,
        ],
    );
}

#[test]
fn tables_that_are_partitioned_already() {
    let sql = "CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at); CREATE TABLE e1 PARTITION OF events DEFAULT";
    hits(
        &Partitions,
        sql,
        RANGE,
        &["error: [tables] events: the plain schema partitions it already, by RANGE (at)"],
    );
    misses(&Partitions, sql, "");
    let global = RANGE.replace("\"tenant\"", "\"global\"");
    hits(&Partitions, TABLE, &global, &["error: [tables] events: partitions are made for tenant tables"]);
}

#[test]
fn storage_parameters_go_to_the_partitions() {
    let sql = "CREATE TABLE events (a text) WITH (fillfactor = 70, toast.autovacuum_enabled = off)";
    compiles_to(sql, HASH, "ARRAY['fillfactor=70', 'toast.autovacuum_enabled=off']::text[]");
    compiles_to(
        sql,
        HASH,
        "COMMENT ON TABLE events IS 'tenantry:partition=managed with fillfactor=70 toast.autovacuum_enabled=off tenantry:kind=tenant'",
    );
}
