//! Looking at every row: before it is held to the constraints, and after PostgreSQL says that they are met.

use super::backfill::leaves;
use super::ledger::Phase;
use super::paths::{self, From, Source, pairs};
use super::sharing::{By, Shared};
use super::{Ends, Job, Tenants, moves};
use crate::OpsError;
use crate::sql::Doing;
use crate::steps::Steps;
use tenantry_core::{ErrorKind, SqlIdent};
use tenantry_schema::model::{ConstraintKind, ForeignKey};
use tenantry_schema::{Kind, Model};

/// How many rows are shown of those that are wrong.
const EXAMPLES: i64 = 3;

/// Rows whose tenant can't be found, tenants that don't exist, references that lead to another tenant's row: all of them are
/// reported before anything is in force.
pub(super) async fn before_constraints(
    job: &mut Job<'_>,
    ends: &Ends,
    sources: &[Source],
    shared: &[Shared],
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let step = steps.next("verify-rows", on)?;
    let done = job.ledger.has(Phase::Verified);
    step.run(done, async {
        job.take_the_time().await?;
        let mut wrong = Vec::new();
        for source in sources {
            wrong.extend(job.without_tenant(source).await?);
            wrong.extend(job.of_unknown_tenants(source).await?);
        }
        if !job.crossing(&ends.plain, sources).await?.is_empty() {
            moves::follow(job, sources).await?;
            wrong.extend(job.crossing(&ends.plain, sources).await?);
        }
        wrong.extend(job.unfit_sharing(ends, sources, shared).await?);
        in_the_way(&wrong)?;
        job.ledger.reach(&job.executor.admin, Phase::Verified).await
    })
    .await
}

/// What no constraint keeps until the policies refuse: rows that became nobody's, references to rows that their tenant will
/// not see.
pub(super) async fn before_enforcing(
    job: &mut Job<'_>,
    ends: &Ends,
    sources: &[Source],
    shared: &[Shared],
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let step = steps.next("verify-sharing", on)?;
    step.run(job.ledger.has(Phase::Enforced), async {
        job.take_the_time().await?;
        in_the_way(&job.unfit_sharing(ends, sources, shared).await?)
    })
    .await
}

fn in_the_way(wrong: &[String]) -> Result<(), OpsError> {
    if wrong.is_empty() {
        return Ok(());
    }
    Err(OpsError::Refused {
        kind: ErrorKind::Conflict,
        message: format!("rows are in the way, and nothing is in force yet: {}", wrong.join("; ")),
        hint: Some("correct or delete these rows, and run the same command again".into()),
    })
}

/// Finding 6 of the research: what PostgreSQL marked valid is looked at once more, past row-level security.
pub(super) async fn after_constraints(
    job: &mut Job<'_>,
    ends: &Ends,
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let step = steps.next("verify-references", on)?;
    let done = job.ledger.has(Phase::Registered);
    step.run(done, async {
        job.take_the_time().await?;
        let mut wrong = Vec::new();
        for (table, name, key) in references(&ends.wanted.model, &ends.wanted.kinds) {
            let count = job.dangling(table, key).await?;
            if count > 0 {
                wrong.push(format!("{count} rows of {table} refer to nothing ({name})"));
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let message = format!("references are marked valid and are not: {}", wrong.join("; "));
        Err(OpsError::refused(
            ErrorKind::Conflict,
            message,
            "correct these rows, and run the same command again",
        ))
    })
    .await
}

/// Validated foreign keys of tenant tables, those of partitions through their parents.
fn references<'a>(
    model: &'a Model,
    kinds: &'a std::collections::BTreeMap<String, Kind>,
) -> impl Iterator<Item = (&'a str, &'a str, &'a ForeignKey)> {
    let tables = model.tables.iter().filter(|table| kinds.get(&table.name) == Some(&Kind::Tenant));
    tables.flat_map(|table| {
        table.constraints.iter().filter_map(move |constraint| match &constraint.kind {
            ConstraintKind::ForeignKey(key) if key.validated && key.enforced && !key.period => {
                Some((table.name.as_str(), constraint.name.as_str(), key))
            }
            _ => None,
        })
    })
}

fn quoted(name: &str) -> Result<SqlIdent, OpsError> {
    Ok(SqlIdent::new(name)?)
}

impl Job<'_> {
    /// Reading every row takes as long as it takes, and keeps nobody waiting.
    async fn take_the_time(&self) -> Result<(), OpsError> {
        self.executor.admin.batch_execute("SET statement_timeout = 0").await.doing("verifying rows")
    }

    /// The rows of a table that still have no tenant.
    async fn without_tenant(&self, source: &Source) -> Result<Option<String>, OpsError> {
        let column = &self.request.declaration.tenancy.column;
        let mut all = 0;
        let mut shown: Vec<String> = Vec::new();
        for leaf in leaves(self, &source.table).await? {
            let table = quoted(&leaf)?;
            let sql = format!("SELECT count(*) FROM ONLY public.{table} t WHERE t.{column} IS NULL");
            let count: i64 = self.one(&sql, "counting rows without a tenant").await?;
            if count == 0 {
                continue;
            }
            all += count;
            let sql = format!(
                "SELECT left(to_jsonb(t)::text, 120) FROM ONLY public.{table} t WHERE t.{column} IS NULL LIMIT {EXAMPLES}"
            );
            let rows = self.executor.admin.query(&sql, &[]).await.doing("showing rows without a tenant")?;
            shown.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        }
        let way = match &source.from {
            From::Parent { parent, columns, .. } => format!("by {} to {parent}", columns.join(", ")),
            _ => "in the tenant column".to_owned(),
        };
        shown.truncate(usize::try_from(EXAMPLES).unwrap_or(3));
        Ok((all > 0).then(|| {
            format!("{all} rows of {} have no tenant {way}, such as {}", source.table, shown.join(", "))
        }))
    }

    async fn of_unknown_tenants(&self, source: &Source) -> Result<Option<String>, OpsError> {
        let Tenants::Table(root) = &self.request.tenants else { return Ok(None) };
        if !source.adopted && source.from != From::Column {
            return Ok(None);
        }
        let column = &self.request.declaration.tenancy.column;
        let key = paths::root_value(&self.ledger.plain, self.request, root)?;
        let sql = format!(
            "SELECT count(*) FROM public.{} t WHERE NOT EXISTS (SELECT FROM public.{} r WHERE r.{key} = t.{column})",
            quoted(&source.table)?,
            quoted(&root.table)?
        );
        let count: i64 = self.one(&sql, "looking for rows of unknown tenants").await?;
        let message =
            || format!("{count} rows of {} are of tenants that {} does not have", source.table, root.table);
        Ok((count > 0).then(message))
    }

    /// References from one tenant's row to another's.
    async fn crossing(&self, plain: &Model, sources: &[Source]) -> Result<Vec<String>, OpsError> {
        let column = &self.request.declaration.tenancy.column;
        let is_tenant = |name: &str| sources.iter().any(|source| source.table == name);
        let mut wrong = Vec::new();
        if matches!(self.request.tenants, Tenants::One(_)) && sources.iter().all(|source| !source.adopted) {
            return Ok(wrong);
        }
        for table in plain.tables.iter().filter(|table| is_tenant(&table.name)) {
            for constraint in &table.constraints {
                let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
                if !is_tenant(&key.target) {
                    continue;
                }
                let join = joined(key)?;
                let sql = format!(
                    "SELECT count(*) FROM public.{} c JOIN public.{} p ON {join} WHERE c.{column} <> p.{column}",
                    quoted(&table.name)?,
                    quoted(&key.target)?
                );
                let count: i64 = self.one(&sql, "looking for references between tenants").await?;
                if count > 0 {
                    wrong.push(format!(
                        "{count} rows of {} refer to another tenant's row of {} ({})",
                        table.name, key.target, constraint.name
                    ));
                }
            }
        }
        Ok(wrong)
    }

    /// Rows that are shared with nobody, and references to rows that whoever refers to them does not see.
    async fn unfit_sharing(
        &self,
        ends: &Ends,
        sources: &[Source],
        shared: &[Shared],
    ) -> Result<Vec<String>, OpsError> {
        let mut wrong = Vec::new();
        for shared in shared.iter().filter(|shared| shared.by != By::One) {
            wrong.extend(self.of_nobody(shared).await?);
        }
        let column = &self.request.declaration.tenancy.column;
        let is_scoped = |name: &str| ends.wanted.kinds.get(name) == Some(&Kind::Scoped);
        let is_tenant = |name: &str| sources.iter().any(|source| source.table == name);
        for table in ends.plain.tables.iter().filter(|table| is_tenant(&table.name) || is_scoped(&table.name))
        {
            let sees = if is_scoped(&table.name) {
                "tenancy.scope_within(c.scope_id, p.scope_id)".to_owned()
            } else {
                format!(
                    "EXISTS (SELECT FROM tenancy.tenant_scopes s WHERE s.tenant = c.{column} AND p.scope_id = ANY (s.scopes))"
                )
            };
            for constraint in &table.constraints {
                let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
                if !is_scoped(&key.target) || (matches!(self.request.tenants, Tenants::One(_))) {
                    continue;
                }
                let sql = format!(
                    "SELECT count(*) FROM public.{} c JOIN public.{} p ON {} WHERE NOT {sees}",
                    quoted(&table.name)?,
                    quoted(&key.target)?,
                    joined(key)?
                );
                let count = self.one(&sql, "looking for references to rows that are not seen").await?;
                if count > 0 {
                    wrong.push(format!(
                        "{count} rows of {} refer to a row of {} that is not shared with them ({})",
                        table.name, key.target, constraint.name
                    ));
                }
            }
        }
        Ok(wrong)
    }

    async fn of_nobody(&self, shared: &Shared) -> Result<Option<String>, OpsError> {
        const WHAT: &str = "counting rows that are shared with nobody";
        let table = quoted(&shared.table)?;
        let of = format!(
            "FROM public.{table} t WHERE NOT EXISTS (SELECT FROM tenancy.scopes s WHERE s.id = t.scope_id)"
        );
        let count = self.one(&format!("SELECT count(*) {of}"), WHAT).await?;
        if count == 0 {
            return Ok(None);
        }
        let sql = format!("SELECT left(to_jsonb(t)::text, 120) {of} LIMIT {EXAMPLES}");
        let rows = self.executor.admin.query(&sql, &[]).await.doing(WHAT)?;
        let shown: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        Ok(Some(format!(
            "{count} rows of {} are shared with no tenant that there is, {}, such as {}",
            shared.table,
            shared.way(),
            shown.join(", ")
        )))
    }

    async fn dangling(&self, table: &str, key: &ForeignKey) -> Result<i64, OpsError> {
        let filled: Result<Vec<String>, OpsError> =
            key.columns.iter().map(|column| Ok(format!("c.{} IS NOT NULL", quoted(column)?))).collect();
        let sql = format!(
            "SELECT count(*) FROM public.{} c WHERE {} AND NOT EXISTS (SELECT FROM public.{} p WHERE {})",
            quoted(table)?,
            filled?.join(" AND "),
            quoted(&key.target)?,
            joined(key)?
        );
        self.one(&sql, "verifying a reference").await
    }

    async fn one(&self, sql: &str, what: &str) -> Result<i64, OpsError> {
        Ok(self.executor.admin.query_one(sql, &[]).await.doing(what)?.get(0))
    }
}

fn joined(key: &ForeignKey) -> Result<String, OpsError> {
    pairs("c", &key.columns, "p", &key.target_columns)
}
