//! The two tenants between whom it happens.

use super::super::AuditArgs;
use super::super::target::Target;
use super::leftovers::Run;
use super::{Attack, leftovers};
use crate::command::Session;
use crate::failure::Refusal;
use crate::print::Reporter;
use crate::stop::Stop;
use tenantry_audit::Access;
use tenantry_audit::attack::{self, ByHand, Seat, Stage, Token};
use tenantry_core::{ContextKind, ErrorKind, Secret, SqlIdent, TenancyModel, TenantKey};
use tenantry_ops::tenant::{self, CreateTenant, PlacementInfo, TenantInfo};
use tenantry_ops::{Control, schema};

/// Between two tenants that exist, in a database that somebody made by hand.
pub(super) async fn by_hand(args: &AuditArgs, target: &Target) -> anyhow::Result<Attack> {
    let options = &args.attack;
    let role = options.as_role.clone().filter(|role| role.as_str() != target.access.user);
    let [attacker, victim] = options.tenants.as_slice() else {
        return Err(Refusal::input("--tenants takes two", "write --tenants A,B").into());
    };
    let said = ByHand {
        access: target.access.clone(),
        ask: target.ask.clone(),
        role,
        enter: options.enter.clone().unwrap_or_default(),
        attacker: attacker.clone(),
        victim: victim.clone(),
        table: options.table.clone(),
    };
    let (seat, stage) = attack::by_hand(&said).await?;
    let tried = attack::attack(&seat, &stage).await?;
    Ok(Attack { place: target.ask.label.clone(), table: stage.table, tried })
}

/// Between two tenants that are made for it, in each model, and dropped again.
pub(super) async fn throw_away(session: &Session, args: &AuditArgs) -> anyhow::Result<Vec<Attack>> {
    let (_, control) = session.control().await?;
    let reporter = Reporter::new(session.printer());
    let flag = reporter.interrupt_flag();
    leftovers::sweep(&control, &reporter).await?;
    let run = Run::begin(&control).await?;
    let models =
        if args.attack.models.is_empty() { TenancyModel::ALL.to_vec() } else { args.attack.models.clone() };
    let mut attacks = Vec::new();
    for model in models {
        let keys = [run.key("a")?, run.key("b")?];
        let mut stop = Stop::listen()?;
        let outcome = tokio::select! {
            outcome = between(&control, args, model, &keys, &reporter) => outcome,
            () = stop.requested() => Err(interrupted()),
        };
        // Also after an error or Ctrl-C; a second one ends the process, and the next run sweeps.
        stop.flag_on_signal(std::sync::Arc::clone(&flag));
        let dropped = [
            leftovers::remove(&control, &keys[0], &reporter).await,
            leftovers::remove(&control, &keys[1], &reporter).await,
        ];
        attacks.push(outcome?);
        dropped.into_iter().collect::<anyhow::Result<()>>()?;
    }
    run.end().await?;
    Ok(attacks)
}

fn interrupted() -> anyhow::Error {
    Refusal {
        kind: ErrorKind::ShuttingDown,
        message: "interrupted; the throw-away tenants are dropped".into(),
        hint: None,
    }
    .into()
}

async fn between(
    control: &Control,
    args: &AuditArgs,
    model: TenancyModel,
    keys: &[TenantKey; 2],
    reporter: &Reporter,
) -> anyhow::Result<Attack> {
    let mut made = Vec::new();
    for key in keys {
        let pool = args.target.database.clone().filter(|_| model != TenancyModel::Database);
        let request = CreateTenant {
            model: Some(model),
            cluster: args.target.cluster.clone(),
            pool,
            ..CreateTenant::new(key.clone())
        };
        made.push(tenant::create(control, &request, reporter).await?);
    }
    let (first, second) = (&made[0], &made[1]);
    let (own, theirs) = (place(first)?, place(second)?);
    let (attacker, context) = seat(control, first, own).await?;
    let (victim, _) = seat(control, second, theirs).await?;
    let declaration = schema::current(control).await?.map(|schema| schema.declaration).unwrap_or_default();
    let column = declaration.tenancy.column;
    let seeded = attack::seed(&attacker, &victim, own.schema.as_str(), column.as_str()).await?;
    let (own_value, other_value) = (first.id.to_string(), second.id.to_string());
    let stage = Stage {
        column: (model == TenancyModel::Shared).then(|| column.to_string()),
        own: format!("'{}'", attack::value_of(&attacker).await?.unwrap_or(own_value)),
        other: format!("'{}'", attack::value_of(&victim).await?.unwrap_or_else(|| other_value.clone())),
        other_table: (model == TenancyModel::Schema).then(|| format!("{}.{}", theirs.schema, seeded.table)),
        setting: Some(match context {
            ContextKind::Carrier => ("backtrace_functions".to_owned(), format!("t_{other_value}")),
            ContextKind::Signed => {
                ("tenancy.context".to_owned(), format!("1|{other_value}|1|{}", "0".repeat(64)))
            }
        }),
        other_database: (model == TenancyModel::Database).then(|| theirs.database.clone()),
        ..seeded
    };
    let tried = attack::attack(&attacker, &stage).await?;
    Ok(Attack { place: format!("{}/{} ({model})", own.cluster, own.database), table: stage.table, tried })
}

fn place(tenant: &TenantInfo) -> anyhow::Result<&PlacementInfo> {
    tenant
        .placement
        .as_ref()
        .ok_or_else(|| Refusal::input(format!("tenant {} has no place", tenant.key), "run it again").into())
}

/// A session of the tenant's login, as a gateway opens it.
async fn seat(
    control: &Control,
    tenant: &TenantInfo,
    place: &PlacementInfo,
) -> anyhow::Result<(Seat, ContextKind)> {
    let tx = control.catalog.snapshot().await?;
    let cluster = tx.cluster(&place.cluster).await?;
    let found = tx.find_database(cluster.id, &SqlIdent::new(place.database.clone())?).await?;
    tx.rollback().await?;
    let (Some(database), Some(admin)) = (found, control.clusters.get(&place.cluster)) else {
        return Err(Refusal::input(
            format!("no access to {}/{}", place.cluster, place.database),
            "configure the cluster",
        )
        .into());
    };
    let stable = database.stable_name();
    let login = database.login.as_str();
    let access = Access {
        host: admin.host.clone(),
        port: admin.port,
        user: login.to_owned(),
        password: Some(Secret::new(control.master_key.login_password(&stable, login).expose())),
        database: place.database.clone(),
    };
    let token = Token {
        access,
        schema: place.schema.clone(),
        key: control.master_key.context_key(&stable, database.key),
        tenant: tenant.id,
        epoch: place.epoch,
    };
    Ok((Seat::Token(Box::new(token)), database.context))
}
