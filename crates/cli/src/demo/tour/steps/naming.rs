//! How a connection says which tenant it is for, and what happens when it does not.

use crate::demo::tour::script::{Act, Expect, NO_SUCH_TENANT, Step, WHICH_TENANT, Who, ZERO};

const PROJECTS: &str = "SELECT slug FROM projects WHERE id <> 1001 ORDER BY slug";

pub(super) const STEPS: &[Step] = &[
    Step {
        title: "Ways to name the tenant",
        why: "By the database's name, which may be the tenant's key or one of its domains, or in the user's name. A login can be \
              bound to one tenant, and then need not name it.",
        acts: &[
            Act::Visits {
                who: Who::Login { user: "app", database: Some("umbrella.example.com") },
                sql: PROJECTS,
                expect: Expect::Rows(&[&["trials"]]),
            },
            Act::Visits {
                who: Who::Login { user: "app.globex", database: None },
                sql: PROJECTS,
                expect: Expect::Rows(&[&["harbour"], &["weather"]]),
            },
            Act::Visits {
                who: Who::Login { user: "acme_app", database: None },
                sql: PROJECTS,
                expect: Expect::Rows(&[&["anvils"], &["rockets"]]),
            },
        ],
    },
    Step {
        title: "Unknown tenants are refused at the door",
        why: "So are connections that name two, and logins that ask for a tenant that is not theirs: in the same words as for one \
              that does not exist, so that nobody can find out who the others are.",
        acts: &[
            Act::Visits {
                who: Who::Login { user: "app", database: Some("hooli") },
                sql: PROJECTS,
                expect: NO_SUCH_TENANT,
            },
            Act::Visits {
                who: Who::Login { user: "acme_app", database: Some("umbrella") },
                sql: PROJECTS,
                expect: NO_SUCH_TENANT,
            },
            Act::Visits {
                who: Who::Login { user: "app.acme", database: Some("globex") },
                sql: PROJECTS,
                expect: WHICH_TENANT,
            },
        ],
    },
    Step {
        title: "No tenant, no rows",
        why: "A login for all tenants that names none gets an error that says so. And the database does not rely on the gateway for that: whoever \
              stole the password of the gateway's own role and connects to the pool itself sees empty tables, and can put nothing into them.",
        acts: &[
            Act::Visits {
                who: Who::Login { user: "app", database: None },
                sql: "SELECT count(*) FROM members",
                expect: WHICH_TENANT,
            },
            Act::Visits { who: Who::Pool, sql: "SELECT count(*) FROM members", expect: ZERO },
            Act::Visits {
                who: Who::Pool,
                sql: "INSERT INTO projects (slug, name) VALUES ('mole', 'Mole')",
                // Either the floor refuses the row, or its empty tenant column does.
                expect: Expect::Refused(&["42501", "23502"]),
            },
        ],
    },
];
