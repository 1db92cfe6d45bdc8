//! What an application does all day: the same SQL in every model, and no word of tenants in it.

use crate::demo::tour::script::{Act, Expect, Step, Who};

pub(super) const STEPS: &[Step] = &[
    Step {
        title: "One statement, every model",
        why: "acme and umbrella are rows of the same tables, globex has a schema of its own, initech a database of its own. The \
              application does not know: it connects to one address and asks for its members.",
        acts: &[Act::Everywhere {
            sql: "SELECT name, country FROM members ORDER BY name",
            expect: Expect::Each(&[
                ("acme", &[&["Ada Quist", "US"], &["Ben Okoro", "KE"], &["Cleo Marsh", "US"]]),
                ("umbrella", &[&["Uma Fisk", "DE"], &["Vera Lindt", "FR"]]),
                ("globex", &[&["Hank Scorpio", "US"], &["Ines Duarte", "FR"], &["Joji Mori", "JP"]]),
                ("initech", &[&["Milton Wadd", "KE"], &["Peter Gibb", "US"]]),
            ]),
        }],
    },
    Step {
        title: "Inserts never name a tenant, and ids may repeat",
        why: "Nobody wrote a tenant column into this statement, or into the schema. In shared tables the column is there, fills itself \
              from the connection's proven tenant, and leads the primary key: so every tenant can have its own project 1001.",
        acts: &[
            Act::Everywhere {
                sql: "INSERT INTO projects (id, slug, name) VALUES (1001, 'launch', 'Launch')",
                expect: Expect::Wrote(1),
            },
            Act::Everywhere {
                sql: "SELECT id, slug, name FROM projects WHERE id = 1001",
                expect: Expect::Rows(&[&["1001", "launch", "Launch"]]),
            },
            Act::Says {
                who: Who::Tenant("acme"),
                sql: "INSERT INTO projects (id, slug, name) VALUES (1001, 'again', 'Again')",
                expect: Expect::Refused(&["23505"]),
            },
        ],
    },
    Step {
        title: "Unique means unique within a tenant",
        why: "members.email is UNIQUE. Two tenants may use the same address all the same; one tenant may not, and the error names \
              the constraint that the developer's schema has.",
        acts: &[
            Act::Everywhere {
                sql: "INSERT INTO members (email, name, country) VALUES ('sales@example.com', 'Sales', 'US')",
                expect: Expect::Wrote(1),
            },
            Act::Says {
                who: Who::Tenant("umbrella"),
                sql: "INSERT INTO members (email, name, country) VALUES ('sales@example.com', 'Sales 2', 'US')",
                expect: Expect::Refused(&["23505"]),
            },
        ],
    },
    Step {
        title: "Joins and aggregates",
        why: "No filter by tenant anywhere, and none is forgotten: the floor under every table is laid by the database.",
        acts: &[Act::Everywhere {
            sql: "SELECT p.name AS project, count(t.id) AS tasks, coalesce(sum(t.hours), 0) AS hours,\n       \
                  count(*) FILTER (WHERE m.country = 'US') AS us\n\
                  FROM projects p LEFT JOIN tasks t ON t.project_id = p.id LEFT JOIN members m ON m.id = t.assignee_id\n\
                  WHERE p.id <> 1001 GROUP BY p.name ORDER BY p.name",
            expect: Expect::Each(&[
                ("acme", &[&["Anvil line", "3", "9.50", "1"], &["Rocket skates", "1", "1.25", "1"]]),
                ("umbrella", &[&["Clinical trials", "3", "12.50", "0"]]),
                (
                    "globex",
                    &[&["Harbour tunnel", "3", "24.00", "1"], &["Weather balloons", "1", "2.00", "0"]],
                ),
                ("initech", &[&["TPS reports", "1", "0.25", "1"], &["Year 2000", "3", "39.00", "0"]]),
            ]),
        }],
    },
    Step {
        title: "Foreign keys do what the schema says",
        why: "projects.lead_id is ON DELETE SET NULL. In shared tables the key is composite, and only the lead may become NULL, never \
              the tenant.",
        acts: &[
            Act::Everywhere {
                sql: "UPDATE projects SET lead_id = (SELECT id FROM members WHERE email = 'sales@example.com') WHERE id = 1001",
                expect: Expect::Wrote(1),
            },
            Act::Everywhere {
                sql: "DELETE FROM members WHERE email = 'sales@example.com'",
                expect: Expect::Wrote(1),
            },
            Act::Everywhere {
                sql: "SELECT id, slug, lead_id FROM projects WHERE id = 1001",
                expect: Expect::Rows(&[&["1001", "launch", "NULL"]]),
            },
        ],
    },
    Step {
        title: "Global tables are read by all and written by none",
        why: "countries is declared global: the operator writes it.",
        acts: &[
            Act::Everywhere {
                sql: "SELECT count(*) AS countries FROM countries",
                expect: Expect::Rows(&[&["5"]]),
            },
            Act::Everywhere {
                sql: "INSERT INTO countries VALUES ('XX', 'Nowhere')",
                expect: Expect::Refused(&["42501"]),
            },
        ],
    },
];
