//! Trying to get out of a tenant with SQL, as an attacker with an injection in acme's application would.

use crate::demo::tour::script::{Act, Attempt, Expect, NO_ROWS, NOT_ALLOWED, Rows, Step, Who, ZERO};

const ACME: Who = Who::Tenant("acme");

/// What acme must see after whatever it tried: all of its own, nothing of umbrella's.
const LOOK: &str = "SELECT count(*) FILTER (WHERE email LIKE '%@acme.%') AS own,\n       \
                    count(*) FILTER (WHERE email NOT LIKE '%@acme.%') AS others FROM members";
const SEES: Rows = &[&["3", "0"]];

pub(super) const STEPS: &[Step] = &[
    Step {
        title: "From inside acme: just asking",
        why: "An injection gives an attacker all of acme's SQL. Umbrella's rows are in the same tables, and its tenant id is easy to \
              guess.",
        acts: &[Act::Attempts {
            who: ACME,
            attempts: &[
                Attempt { sql: "SELECT name FROM members WHERE tenant_id = {id:umbrella}", expect: NO_ROWS },
                Attempt {
                    sql: "DELETE FROM members WHERE email LIKE '%@umbrella.%'",
                    expect: Expect::Wrote(0),
                },
                Attempt {
                    sql: "INSERT INTO projects (slug, name, tenant_id) VALUES ('gift', 'Gift', {id:umbrella})",
                    expect: NOT_ALLOWED,
                },
                Attempt {
                    sql: "UPDATE projects SET tenant_id = {id:umbrella} WHERE slug = 'anvils'",
                    expect: NOT_ALLOWED,
                },
                Attempt {
                    // Umbrella's project 2002 exists, but not for acme: the foreign key is composite.
                    sql: "INSERT INTO tasks (project_id, number, title) VALUES (2002, 99, 'Mine now')",
                    expect: Expect::Refused(&["23503"]),
                },
            ],
            look: LOOK,
            sees: SEES,
        }],
    },
    Step {
        title: "From inside acme: changing who one is",
        why: "Elsewhere the tenant is a setting, and any SQL can SET it. Here it stands where only a function of the database can \
              write, after checking a signature. Losing it is possible, and then there are no rows; changing it is not.",
        acts: &[Act::Attempts {
            who: ACME,
            attempts: &[
                Attempt {
                    sql: "SET tenancy.tenant_id = '{id:umbrella}';\nSELECT count(*) FROM members WHERE email LIKE '%@umbrella.%'",
                    expect: ZERO,
                },
                Attempt { sql: "SET backtrace_functions = 't_{id:umbrella}'", expect: NOT_ALLOWED },
                Attempt {
                    sql: "SELECT set_config('backtrace_functions', 't_{id:umbrella}', false)",
                    expect: NOT_ALLOWED,
                },
                Attempt {
                    sql: "SELECT tenancy.enter({key:umbrella}, {id:umbrella}, {epoch:umbrella}, repeat('0', 64))",
                    expect: Expect::Rows(&[&["refused"]]),
                },
                Attempt { sql: "RESET ALL; SELECT count(*) FROM members", expect: ZERO },
                Attempt { sql: "DISCARD ALL", expect: Expect::Done },
                Attempt { sql: "SET ROLE tenantry_owner", expect: NOT_ALLOWED },
                Attempt { sql: "SET SESSION AUTHORIZATION postgres", expect: NOT_ALLOWED },
                Attempt { sql: "SET row_security = off; SELECT count(*) FROM members", expect: NOT_ALLOWED },
            ],
            look: LOOK,
            sees: SEES,
        }],
    },
    Step {
        title: "From inside acme: around the tables",
        why: "Row-level security does not hold for TRUNCATE, and a partition has rules of its own: so the application's role has no such \
              privilege, and the gateway makes a DELETE of TRUNCATE or says why it can't. The role cannot write functions, and cannot \
              watch what others run.",
        acts: &[Act::Attempts {
            who: ACME,
            attempts: &[
                Attempt { sql: "TRUNCATE members CASCADE", expect: Expect::Refused(&["0A000"]) },
                Attempt { sql: "SELECT count(*) FROM events_2026", expect: NOT_ALLOWED },
                Attempt { sql: "ALTER TABLE members DISABLE ROW LEVEL SECURITY", expect: NOT_ALLOWED },
                Attempt { sql: "DO $$ BEGIN PERFORM 1; END $$", expect: NOT_ALLOWED },
                Attempt { sql: "SELECT query FROM pg_stat_activity", expect: NOT_ALLOWED },
                Attempt { sql: "SELECT * FROM tenancy.keys", expect: NOT_ALLOWED },
            ],
            look: LOOK,
            sees: SEES,
        }],
    },
    Step {
        title: "Between a schema and the shared tables",
        why: "globex has a schema of its own in the same pool, and reaches it over the same server connections. A search_path is only a name: every schema has \
              the same floor, and it opens for its tenant alone.",
        acts: &[
            Act::Attempts {
                who: ACME,
                attempts: &[Attempt { sql: "SELECT count(*) FROM t_{id:globex}.members", expect: ZERO }],
                look: LOOK,
                sees: SEES,
            },
            Act::Attempts {
                who: Who::Tenant("globex"),
                attempts: &[
                    Attempt { sql: "SELECT count(*) FROM public.members", expect: ZERO },
                    Attempt {
                        sql: "SET search_path TO public; SELECT count(*) FROM members; RESET search_path",
                        expect: ZERO,
                    },
                ],
                look: "SELECT count(*) FILTER (WHERE email LIKE '%@globex.%') AS own,\n       \
                       count(*) FILTER (WHERE email NOT LIKE '%@globex.%') AS others FROM members",
                sees: SEES,
            },
        ],
    },
];
