//! When two parts of a table are the same, apart from what is decided elsewhere (names, comments, whether it is validated).

use crate::model::{Constraint, ConstraintKind, ForeignKey, Index, IndexKey, UniqueKey};

/// The definition of a check without `NOT VALID`.
pub(super) fn check_text(definition: &str) -> &str {
    definition.trim_end().strip_suffix("NOT VALID").unwrap_or(definition).trim_end()
}

/// Whether a constraint asks for the same, whether or not old rows were looked at.
pub(super) fn constraint(a: &Constraint, b: &Constraint) -> bool {
    let kind = match (&a.kind, &b.kind) {
        (ConstraintKind::Check { definition: a, .. }, ConstraintKind::Check { definition: b, .. }) => {
            check_text(a) == check_text(b)
        }
        (ConstraintKind::ForeignKey(a), ConstraintKind::ForeignKey(b)) => foreign_key(a, b),
        (a, b) => a == b,
    };
    kind && (a.deferrable, a.deferred) == (b.deferrable, b.deferred)
}

pub(super) fn foreign_key(a: &ForeignKey, b: &ForeignKey) -> bool {
    // What the check would be depends on the columns alone; whether it is validated is decided elsewhere.
    let plain = |key: &ForeignKey| ForeignKey { full_check: None, validated: false, ..key.clone() };
    plain(a) == plain(b)
}

/// Whether a check or foreign key has been held against all rows.
pub(super) fn is_validated(constraint: &Constraint) -> bool {
    match &constraint.kind {
        ConstraintKind::Check { validated, .. } => *validated,
        ConstraintKind::ForeignKey(key) => key.validated,
        _ => true,
    }
}

/// The same constraint, not held against old rows yet.
pub(super) fn not_valid(constraint: &Constraint) -> Constraint {
    let mut constraint = constraint.clone();
    match &mut constraint.kind {
        ConstraintKind::Check { definition, validated } if *validated => {
            *validated = false;
            *definition = format!("{} NOT VALID", check_text(definition));
        }
        ConstraintKind::ForeignKey(key) => key.validated = false,
        _ => {}
    }
    constraint
}

/// Whether two indexes are the same but for name, comment and the mark of the replica identity.
pub(super) fn index(a: &Index, b: &Index) -> bool {
    let bare = |index: &Index| Index {
        name: String::new(),
        comment: None,
        replica_identity: false,
        ..index.clone()
    };
    bare(a) == bare(b)
}

/// The unique index that a key constraint can be made of; none where PostgreSQL wants to make it itself.
pub(super) fn index_of(constraint: &Constraint) -> Option<Index> {
    let (ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key)) = &constraint.kind else {
        return None;
    };
    (!key.period).then(|| unique_index(key))
}

fn unique_index(key: &UniqueKey) -> Index {
    Index {
        method: "btree".to_owned(),
        unique: true,
        nulls_not_distinct: key.nulls_not_distinct,
        keys: key.columns.iter().map(|column| IndexKey::of_column(column)).collect(),
        include: key.include.clone(),
        options: key.options.clone(),
        ..Index::default()
    }
}

/// Whether the constraint is backed by an index.
pub(super) fn is_key(constraint: &Constraint) -> bool {
    matches!(
        constraint.kind,
        ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_) | ConstraintKind::Exclusion(_)
    )
}

pub(super) fn is_check(constraint: &Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::Check { .. })
}

/// `name on table`, as findings name the place of a constraint or an index.
pub(super) fn place(name: &str, table: &str) -> String {
    format!("{name} on {table}")
}
