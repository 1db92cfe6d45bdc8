//! The proof itself: what a thief can do who stole the password of the pool's role and talks to the database directly.

use crate::demo::tour::script::{Act, Expect, Step, Who, ZERO};

const THIEF: Who = Who::Pool;
const COUNT: &str = "SELECT count(*) FROM members";
const CHALLENGE: Act = Act::Says { who: THIEF, sql: "SELECT tenancy.challenge()", expect: Expect::Done };
const REFUSED: Expect = Expect::Rows(&[&["refused"]]);

pub(super) const STEPS: &[Step] = &[Step {
    title: "A token works once, for one tenant, on one connection",
    why: "At the database itself, without the gateway. To enter a tenant one answers the database's challenge with a signature. The \
          gateway's key for that comes from the master key; the database's copy is out of every application's reach. Here the \
          tour signs, with the gateway's key, to have something to steal.",
    acts: &[
        CHALLENGE,
        Act::Says {
            who: THIEF,
            sql: "SELECT tenancy.enter({key:umbrella}, {id:umbrella}, {epoch:umbrella}, repeat('ab', 32))",
            expect: REFUSED,
        },
        Act::Says { who: THIEF, sql: COUNT, expect: ZERO },
        CHALLENGE,
        Act::Says {
            who: THIEF,
            sql: "SELECT tenancy.enter({key:umbrella}, {id:umbrella}, {epoch:umbrella}, '{sign:umbrella}')",
            expect: Expect::Rows(&[&["entered"]]),
        },
        Act::Says { who: THIEF, sql: COUNT, expect: Expect::Rows(&[&["2"]]) },
        // The same token again: its nonce is spent.
        Act::Says {
            who: THIEF,
            sql: "SELECT tenancy.enter({key:umbrella}, {id:umbrella}, {epoch:umbrella}, '{again}')",
            expect: REFUSED,
        },
        Act::Says { who: THIEF, sql: COUNT, expect: ZERO },
        CHALLENGE,
        // And a token for umbrella does not open acme.
        Act::Says {
            who: THIEF,
            sql: "SELECT tenancy.enter({key:acme}, {id:acme}, {epoch:acme}, '{sign:umbrella}')",
            expect: REFUSED,
        },
        Act::Says { who: THIEF, sql: COUNT, expect: ZERO },
    ],
}];
