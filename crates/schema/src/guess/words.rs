//! What names say. Names are compared in lower case, word by word, without the plural.

/// A name's words: `OrderItems`, `order_items` and `order-items` are `order item`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        let starts = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() || starts {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words.iter().map(|word| singular(word)).collect()
}

fn singular(word: &str) -> String {
    let ended = |end: &str, instead: &str| word.strip_suffix(end).map(|stem| format!("{stem}{instead}"));
    if word.len() <= 3 || word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return word.to_owned();
    }
    ended("ies", "y")
        .or_else(|| ended("sses", "ss"))
        .or_else(|| ended("xes", "x"))
        .or_else(|| ended("ches", "ch"))
        .or_else(|| ended("s", ""))
        .unwrap_or_else(|| word.to_owned())
}

/// The name as one string of words, for exact comparisons.
pub(super) fn plain(name: &str) -> String {
    words(name).join(" ")
}

/// What a tenant is called. The second half is often something else too.
const TENANTS: &[&str] =
    &["tenant", "organization", "organisation", "org", "workspace", "company", "account", "realm"];
const PERHAPS_TENANTS: &[&str] = &[
    "customer", "team", "site", "shop", "store", "client", "business", "merchant", "instance", "project",
    "firm",
];

/// How surely a name is that of tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TenantWord {
    Perhaps,
    Likely,
    Certain,
}

pub(super) fn tenant_word(stem: &str) -> Option<TenantWord> {
    match stem {
        "tenant" => Some(TenantWord::Certain),
        stem if TENANTS.contains(&stem) => Some(TenantWord::Likely),
        stem if PERHAPS_TENANTS.contains(&stem) => Some(TenantWord::Perhaps),
        _ => None,
    }
}

/// `organization_id` is a column of organizations; so are `tenant_record_id` and `workspace`.
pub(super) fn column_stem(column: &str) -> String {
    let mut words = words(column);
    while words.len() > 1
        && ["id", "uuid", "record", "key", "pk", "fk"].contains(&words[words.len() - 1].as_str())
    {
        words.pop();
    }
    words.join(" ")
}

/// Tables in which migration tools keep their books.
const BOOKS: &[&str] = &[
    "django migration",
    "django content type",
    "schema migration",
    "schema info",
    "flyway schema history",
    "prisma migration",
    "alembic version",
    "ar internal metadata",
    "goose db version",
    "gorp migration",
    "databasechangelog",
    "databasechangeloglock",
    "sqlx migration",
    "refinery schema history",
    "diesel schema migration",
    "knex migration",
    "knex migrations lock",
    "sequelize meta",
    "typeorm metadata",
    "drizzle migration",
    "efmigrationshistory",
    "doctrine migration version",
    "phinxlog",
    "migration",
    "migrations lock",
    "mikro orm migration",
    "darwin migration",
    "spatial ref sys",
    "auth permission",
    "sequelizemeta",
    "pgmigration",
    "dbmate migration",
    "atlas schema revision",
];

pub(super) fn is_bookkeeping(table: &str) -> bool {
    let name = plain(table);
    BOOKS.contains(&name.as_str()) || name.ends_with(" migration") || name.ends_with("schema migration")
}

/// What is the same in every company of the world.
const WORLD: &[&str] = &[
    "country",
    "currency",
    "language",
    "locale",
    "timezone",
    "time zone",
    "exchange rate",
    "iso country",
    "country code",
];
/// What the operator usually writes, and tenants read.
const OPERATORS: &[&str] = &[
    "plan",
    "pricing plan",
    "plan feature",
    "subscription plan",
    "permission",
    "feature flag",
    "feature",
    "city",
    "state",
    "continent",
    "category",
    "unit",
    "carrier",
    "provider",
    "genre",
    "media type",
    "status",
    "type",
    "role",
    "level",
    "industry",
    "system setting",
    "tax code",
    "holiday",
    "integration provider",
    "template",
    "region",
    "zip code",
    "log template",
];

/// How surely a name is that of a table that all tenants share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GlobalWord {
    World,
    Operator,
}

pub(super) fn global_word(table: &str) -> Option<GlobalWord> {
    let words = words(table);
    let name = words.join(" ");
    if WORLD.contains(&name.as_str()) {
        return Some(GlobalWord::World);
    }
    // Prefixes of modules (`address_country`) and compounds (`payment_source_type`) are less sure.
    let ends = |known: &str| name == known || name.ends_with(&format!(" {known}"));
    WORLD.iter().chain(OPERATORS).any(|known| ends(known)).then_some(GlobalWord::Operator)
}

/// People who log in.
pub(super) fn is_people(table: &str) -> bool {
    let people = [
        "user",
        "account",
        "member",
        "person",
        "login",
        "identity",
        "profile",
        "employee",
        "staff",
        "admin",
        "operator",
        "emailaddress",
    ];
    words(table).last().is_some_and(|word| people.contains(&word.as_str()))
}

/// Tables that grow with time.
pub(super) fn is_series(table: &str) -> bool {
    let series = [
        "event",
        "log",
        "metric",
        "measurement",
        "reading",
        "audit",
        "impression",
        "click",
        "pageview",
        "visit",
        "span",
        "trace",
    ];
    words(table).last().is_some_and(|word| series.contains(&word.as_str()))
}

/// What a unique column is looked up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Random, or the hash of something random: unique everywhere by itself.
    Secret,
    /// Where requests come in.
    Address,
    /// Who logs in.
    Login,
}

pub(super) fn lookup(table: &str, column: &str) -> Option<Lookup> {
    let words = words(column);
    let name = words.join(" ");
    let last = words.last()?.as_str();
    let own = self::words(table);
    let about_key = own.windows(2).any(|pair| pair == ["api", "key"])
        || own.iter().any(|word| word == "token" || word == "session");
    let secret = ["token", "secret", "apikey", "digest"].contains(&last)
        || [
            "token hash",
            "key hash",
            "api key",
            "session key",
            "session id",
            "hashed key",
            "secret hash",
            "token digest",
            "access key",
            "invite code",
            "invitation code",
        ]
        .iter()
        .any(|known| name == *known || name.ends_with(&format!(" {known}")))
        || (about_key && ["key", "hash", "jti", "prefix", "code"].contains(&last));
    if secret {
        return Some(Lookup::Secret);
    }
    if ["domain", "hostname", "subdomain", "host", "fqdn"].contains(&last) {
        return Some(Lookup::Address);
    }
    let login = ["email", "username", "login", "e mail", "email address", "phone number", "subject"];
    (is_people(table) && login.contains(&name.as_str())).then_some(Lookup::Login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        assert_eq!(plain("OrderItems"), "order item");
        assert_eq!(plain("companies"), "company");
        assert_eq!(plain("addresses"), "address");
        assert_eq!(plain("status"), "status");
        assert_eq!(column_stem("tenant_record_id"), "tenant");
        assert_eq!(column_stem("organizationId"), "organization");
        assert_eq!(column_stem("id"), "id");
        assert_eq!(global_word("countries"), Some(GlobalWord::World));
        assert_eq!(global_word("address_country"), Some(GlobalWord::Operator));
        assert_eq!(global_word("orders"), None);
        assert_eq!(lookup("api_keys", "key_hash"), Some(Lookup::Secret));
        assert_eq!(lookup("projects", "key"), None);
        assert_eq!(lookup("users", "email"), Some(Lookup::Login));
        assert_eq!(lookup("contacts", "email"), None);
        assert!(is_bookkeeping("_prisma_migrations") && is_bookkeeping("flyway_schema_history"));
        assert!(!is_bookkeeping("birds"));
    }
}
