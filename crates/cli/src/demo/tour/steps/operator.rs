//! What an operator does while everybody stays connected.

use crate::demo::tour::script::{Act, Expect, NOT_SERVED, Operation, Step, Who};

const COUNT: &str = "SELECT count(*) AS members FROM members";
const UMBRELLA: Who = Who::Tenant("umbrella");

pub(super) const STEPS: &[Step] = &[Step {
    title: "Suspended and resumed while connected",
    why: "umbrella's connection has been open since the first step. When `suspend` returns, no connection anywhere is inside the tenant, \
          and the database refuses to let one in. acme, on the same server connections, notices nothing; umbrella's client stays connected.",
    acts: &[
        Act::Says { who: UMBRELLA, sql: COUNT, expect: Expect::Rows(&[&["2"]]) },
        Act::Operator { command: Operation::Suspend, tenant: "umbrella" },
        Act::Says { who: UMBRELLA, sql: COUNT, expect: NOT_SERVED },
        Act::Visits { who: UMBRELLA, sql: COUNT, expect: NOT_SERVED },
        Act::Says { who: Who::Tenant("acme"), sql: COUNT, expect: Expect::Rows(&[&["3"]]) },
        Act::Operator { command: Operation::Resume, tenant: "umbrella" },
        Act::Says { who: UMBRELLA, sql: COUNT, expect: Expect::Rows(&[&["2"]]) },
    ],
}];
