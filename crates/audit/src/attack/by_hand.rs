//! The stage of a database that was made by hand: two tenants that exist, and a table in which both have rows.

use super::{Seat, Stage};
use crate::error::Doing;
use crate::look::{self, Ask};
use crate::{Access, AuditError, connect};
use tenantry_core::{ErrorKind, SqlIdent, quote_literal};

/// What the person said about the database.
#[derive(Debug, Clone)]
pub struct ByHand {
    pub access: Access,
    pub ask: Ask,
    /// The role to become; `None` where the access is the role's own.
    pub role: Option<SqlIdent>,
    /// With `{tenant}` in it.
    pub enter: String,
    pub attacker: String,
    pub victim: String,
    /// The table, as SQL.
    pub table: Option<String>,
}

/// How many tables are looked at for rows of both.
const MAX_TABLES: usize = 100;
const COLUMN: &str = "SELECT a.attname::text, (SELECT i.inhrelid::regclass::text FROM pg_inherits i WHERE i.inhparent = a.attrelid ORDER BY 1 LIMIT 1)
  FROM pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
   AND a.attname <> $2::text ORDER BY a.attnotnull, a.attnum LIMIT 1";

/// Finds the table and puts the stage together.
pub async fn by_hand(said: &ByHand) -> Result<(Seat, Stage), AuditError> {
    let mut client = connect(&said.access).await?;
    let mut tx = look::begin(&mut client).await?;
    let found = look::look(&mut tx, &said.ask).await?;
    let sit = |tenant: &str| Seat::Statement {
        access: said.access.clone(),
        role: said.role.clone(),
        enter: said.enter.replace("{tenant}", tenant),
    };
    let (attacker, victim) = (sit(&said.attacker), sit(&said.victim));
    let (first, second) = (attacker.inside().await?, victim.inside().await?);
    let tables = found.tables.iter().filter(|table| table.kind == "tenant").take(MAX_TABLES);
    for listed in tables {
        let (Ok(schema), Ok(name)) =
            (SqlIdent::new(listed.schema.clone()), SqlIdent::new(listed.name.clone()))
        else {
            continue;
        };
        let table = format!("{schema}.{name}");
        let wanted = said.table.as_ref().is_none_or(|wanted| {
            *wanted == listed.name || *wanted == format!("{}.{}", listed.schema, listed.name)
        });
        let Some(column) = listed.tenant.as_ref().filter(|_| wanted) else { continue };
        let has_rows = |tenant: &str| {
            format!(
                "SELECT EXISTS (SELECT FROM {table} WHERE \"{}\" ={})",
                column.replace('"', "\"\""),
                quote_literal(tenant)
            )
        };
        let both = match (
            first.query_one(&has_rows(&said.attacker), &[]).await,
            second.query_one(&has_rows(&said.victim), &[]).await,
        ) {
            (Ok(a), Ok(b)) => a.get::<_, bool>(0) && b.get::<_, bool>(0),
            _ => false,
        };
        if !both {
            continue;
        }
        let Some(row) =
            tx.query_opt(COLUMN, &[&table, &column]).await.doing("looking at the table to attack")?
        else {
            continue;
        };
        let key =
            SqlIdent::new(row.get::<_, String>(0)).map_or_else(|_| column.clone(), |name| name.to_string());
        let column = SqlIdent::new(column.clone()).map_or_else(|_| column.clone(), |name| name.to_string());
        let stage = Stage {
            table,
            key,
            column: Some(column),
            own: quote_literal(&said.attacker).trim().to_owned(),
            other: quote_literal(&said.victim).trim().to_owned(),
            child: row.get(1),
            setting: setting(&said.enter, &said.victim),
            ..Stage::default()
        };
        return Ok((attacker, stage));
    }
    Err(AuditError::refused(
        ErrorKind::InvalidInput,
        format!(
            "no tenant table has rows of both {} and {}, as each sees them itself",
            said.attacker, said.victim
        ),
        "check --enter and --tenants, or name the table with --table and the column with --tenant-column",
    ))
}

/// The setting in `SET x = '{tenant}'` or `set_config('x', '{tenant}', …)`, and what it would hold for the other.
fn setting(enter: &str, victim: &str) -> Option<(String, String)> {
    let lower = enter.to_lowercase();
    let (name, value) = if let Some(at) = lower.find("set_config(") {
        let mut parts = enter[at + "set_config(".len()..].split(',');
        (parts.next()?, parts.next()?)
    } else {
        let rest = enter[lower.find("set ")? + 4..].trim_start();
        let words = rest
            .trim_start_matches("LOCAL ")
            .trim_start_matches("local ")
            .trim_start_matches("SESSION ")
            .trim_start_matches("session ");
        words.split_once('=').or_else(|| words.split_once(" TO ")).or_else(|| words.split_once(" to "))?
    };
    let bare = |text: &str| text.trim().trim_matches(|c| c == '\'' || c == ';' || c == '"').to_owned();
    let name = bare(name);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    is_name.then(|| (name, bare(value).replace("{tenant}", victim).replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn the_setting_is_found_in_what_applications_write() {
        for enter in [
            "SET app.tenant_id = '{tenant}'",
            "SET LOCAL app.tenant_id TO '{tenant}'",
            "SELECT set_config('app.tenant_id', '{tenant}', true)",
            "set session app.tenant_id = {tenant};",
        ] {
            assert_eq!(setting(enter, "8"), Some(("app.tenant_id".to_owned(), "8".to_owned())), "{enter}");
        }
        assert_eq!(setting("SELECT login_as({tenant})", "8"), None);
    }
}
