//! The rules, one file each with its query beside it, in the order in which they run.

mod application_role;
mod cascade_across_tenants;
mod constraint_not_valid;
mod context_core;
mod context_forgeable;
mod event_trigger;
mod extension_in_schema;
mod foreign_key_unindexed;
mod foreign_table;
mod function_definer;
mod function_leakproof;
mod function_search_path;
mod grant_children;
mod grant_connect;
mod grant_create;
mod grant_defaults;
mod grant_public;
mod grant_sequence;
mod grant_structure;
mod grant_temporary;
mod grant_truncate;
mod host_authentication;
mod index_duplicate;
mod index_for_tenant;
mod index_not_leakproof;
mod index_unused;
mod index_vector;
mod large_objects;
mod materialized_view_readable;
mod minor_version;
mod no_primary_key;
mod partition_pruning;
mod password_encryption;
mod policy_before_floor;
mod policy_blind_write;
mod policy_by_role;
mod policy_casts_column;
mod policy_command_gap;
mod policy_function_cost;
mod policy_function_immutable;
mod policy_function_parallel;
mod policy_literal;
mod policy_no_floor;
mod policy_null_matches;
mod policy_open;
mod policy_or;
mod policy_setting;
mod policy_several_permissive;
mod policy_subquery;
mod policy_user_metadata;
mod policy_without_check;
mod publication;
mod reader_rights;
mod role_attributes;
mod role_bypasses;
mod role_in_use;
mod role_membership;
mod role_owns_tables;
mod role_password;
mod role_settings;
mod row_security_children;
mod row_security_no_policy;
mod row_security_not_forced;
mod row_security_off;
mod rows_across_tenants;
mod rows_of_nobody;
mod rows_orphaned;
mod rule_on_table;
mod schema_count;
mod server_binary_replaced;
mod soft_delete;
mod soft_delete_children;
mod statement_without_tenant;
mod surface;
mod surface_beyond_privileges;
mod surface_language;
mod table_elsewhere;
mod tenant_column_default;
mod tenant_column_differs;
mod tenant_column_missing;
mod tenant_column_nullable;
mod tenant_correlation;
mod tenant_estimates;
mod trigger_definer;
mod trigger_disabled;
mod two_phase;
mod view_definer_rights;
mod view_not_barrier;

use crate::rule::Rule;

/// All of them.
pub(crate) const ALL: &[Rule] = &[
    row_security_off::RULE,
    row_security_not_forced::RULE,
    row_security_no_policy::RULE,
    row_security_children::RULE,
    policy_open::RULE,
    policy_blind_write::RULE,
    policy_without_check::RULE,
    policy_or::RULE,
    policy_several_permissive::RULE,
    policy_no_floor::RULE,
    policy_before_floor::RULE,
    policy_subquery::RULE,
    policy_function_cost::RULE,
    policy_function_parallel::RULE,
    policy_function_immutable::RULE,
    policy_casts_column::RULE,
    policy_null_matches::RULE,
    policy_command_gap::RULE,
    policy_setting::RULE,
    policy_by_role::RULE,
    policy_literal::RULE,
    policy_user_metadata::RULE,
    context_forgeable::RULE,
    context_core::RULE,
    application_role::RULE,
    reader_rights::RULE,
    role_bypasses::RULE,
    role_owns_tables::RULE,
    role_membership::RULE,
    role_attributes::RULE,
    role_in_use::RULE,
    role_password::RULE,
    role_settings::RULE,
    grant_truncate::RULE,
    grant_structure::RULE,
    grant_children::RULE,
    grant_public::RULE,
    grant_defaults::RULE,
    grant_temporary::RULE,
    grant_create::RULE,
    grant_connect::RULE,
    grant_sequence::RULE,
    surface::RULE,
    surface_language::RULE,
    surface_beyond_privileges::RULE,
    large_objects::RULE,
    function_definer::RULE,
    function_search_path::RULE,
    function_leakproof::RULE,
    trigger_definer::RULE,
    trigger_disabled::RULE,
    view_definer_rights::RULE,
    view_not_barrier::RULE,
    materialized_view_readable::RULE,
    foreign_table::RULE,
    rule_on_table::RULE,
    event_trigger::RULE,
    publication::RULE,
    extension_in_schema::RULE,
    tenant_column_missing::RULE,
    tenant_column_nullable::RULE,
    tenant_column_differs::RULE,
    tenant_column_default::RULE,
    cascade_across_tenants::RULE,
    index_for_tenant::RULE,
    no_primary_key::RULE,
    foreign_key_unindexed::RULE,
    index_duplicate::RULE,
    index_unused::RULE,
    index_not_leakproof::RULE,
    index_vector::RULE,
    partition_pruning::RULE,
    soft_delete::RULE,
    soft_delete_children::RULE,
    tenant_estimates::RULE,
    tenant_correlation::RULE,
    constraint_not_valid::RULE,
    rows_of_nobody::RULE,
    rows_across_tenants::RULE,
    rows_orphaned::RULE,
    statement_without_tenant::RULE,
    minor_version::RULE,
    server_binary_replaced::RULE,
    two_phase::RULE,
    password_encryption::RULE,
    host_authentication::RULE,
    schema_count::RULE,
    table_elsewhere::RULE,
];
