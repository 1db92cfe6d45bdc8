-- A hundred tables of a made-up SaaS, which already has its tenant column: organization_id. The tests of the
-- declaration's guess and of the diagrams read it.

CREATE EXTENSION IF NOT EXISTS citext;

CREATE TABLE countries (
    code text PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE currencies (
    code text PRIMARY KEY,
    name text NOT NULL,
    symbol text NOT NULL
);

CREATE TABLE timezones (
    name text PRIMARY KEY,
    offset_minutes integer NOT NULL
);

CREATE TABLE plans (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    price numeric(10,2) NOT NULL,
    billing_interval text NOT NULL,
    currency text NOT NULL
);

CREATE TABLE plan_features (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    plan_id uuid NOT NULL,
    feature text NOT NULL,
    limit_value integer NOT NULL
);

CREATE TABLE permissions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    key text NOT NULL UNIQUE,
    description text NOT NULL
);

CREATE TABLE schema_migrations (
    version bigint PRIMARY KEY,
    dirty boolean NOT NULL
);

CREATE TABLE organizations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL UNIQUE,
    plan_id uuid NOT NULL,
    country text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE organization_domains (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    domain citext NOT NULL UNIQUE,
    verified_at timestamptz
);

CREATE TABLE organization_settings (
    organization_id uuid PRIMARY KEY,
    timezone text,
    locale text NOT NULL,
    theme jsonb NOT NULL
);

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    name text NOT NULL,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE memberships (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role_id uuid NOT NULL,
    invited_by_id uuid,
    joined_at timestamptz NOT NULL
);

CREATE TABLE roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    is_system boolean NOT NULL
);

CREATE TABLE role_permissions (
    role_id uuid NOT NULL,
    permission_id uuid NOT NULL,
    PRIMARY KEY (role_id, permission_id)
);

CREATE TABLE invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    email text NOT NULL,
    token_hash text NOT NULL UNIQUE,
    role_id uuid NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    token text NOT NULL UNIQUE,
    ip inet NOT NULL,
    user_agent text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id uuid,
    name text NOT NULL,
    key_hash text NOT NULL UNIQUE,
    last_used_at timestamptz
);

CREATE TABLE audit_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE teams (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    lead_id uuid
);

CREATE TABLE team_members (
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (team_id, user_id)
);

CREATE TABLE subscriptions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    status text NOT NULL,
    current_period_end timestamptz NOT NULL
);

CREATE TABLE invoices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    number text NOT NULL,
    currency text NOT NULL,
    total numeric(12,2) NOT NULL,
    due_on date NOT NULL,
    status text NOT NULL,
    UNIQUE (organization_id, number)
);

CREATE TABLE invoice_lines (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    invoice_id uuid NOT NULL,
    product_id uuid,
    description text NOT NULL,
    quantity numeric NOT NULL,
    amount numeric(12,2) NOT NULL
);

CREATE TABLE payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    method_id uuid NOT NULL,
    amount numeric(12,2) NOT NULL,
    paid_at timestamptz NOT NULL,
    reference text NOT NULL
);

CREATE TABLE payment_methods (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    kind text NOT NULL,
    last4 text NOT NULL,
    expires_on date NOT NULL
);

CREATE TABLE refunds (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    payment_id uuid NOT NULL,
    amount numeric(12,2) NOT NULL,
    reason text NOT NULL
);

CREATE TABLE credit_notes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    amount numeric(12,2) NOT NULL,
    issued_on date NOT NULL
);

CREATE TABLE coupons (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    code text NOT NULL,
    percent integer NOT NULL,
    expires_at timestamptz
);

CREATE TABLE coupon_redemptions (
    coupon_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    PRIMARY KEY (coupon_id, subscription_id)
);

CREATE TABLE tax_rates (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    country text NOT NULL,
    name text NOT NULL,
    percent numeric(5,2) NOT NULL
);

CREATE TABLE usage_records (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    metric text NOT NULL,
    quantity bigint NOT NULL,
    at timestamptz NOT NULL
);

CREATE TABLE companies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    domain text,
    industry text NOT NULL,
    country text,
    owner_id uuid
);

CREATE TABLE contacts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    company_id uuid,
    first_name text NOT NULL,
    last_name text NOT NULL,
    email text NOT NULL,
    phone text,
    owner_id uuid
);

CREATE TABLE contact_tags (
    contact_id uuid NOT NULL,
    tag_id uuid NOT NULL,
    PRIMARY KEY (contact_id, tag_id)
);

CREATE TABLE addresses (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    contact_id uuid,
    company_id uuid,
    street text NOT NULL,
    city text NOT NULL,
    postcode text NOT NULL,
    country text NOT NULL
);

CREATE TABLE pipelines (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL
);

CREATE TABLE stages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    pipeline_id uuid NOT NULL,
    name text NOT NULL,
    probability integer NOT NULL,
    position integer NOT NULL
);

CREATE TABLE deals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    stage_id uuid NOT NULL,
    company_id uuid,
    contact_id uuid,
    owner_id uuid,
    amount numeric(12,2) NOT NULL,
    currency text NOT NULL,
    closes_on date
);

CREATE TABLE deal_products (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    product_id uuid NOT NULL,
    quantity integer NOT NULL,
    price numeric(12,2) NOT NULL
);

CREATE TABLE activities (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    deal_id uuid,
    contact_id uuid,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    due_at timestamptz,
    done boolean NOT NULL,
    notes text
);

CREATE TABLE notes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    author_id uuid NOT NULL,
    contact_id uuid,
    deal_id uuid,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE tags (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    color text NOT NULL,
    UNIQUE (organization_id, name)
);

CREATE TABLE custom_fields (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    entity text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    options jsonb NOT NULL
);

CREATE TABLE custom_values (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    field_id uuid NOT NULL,
    entity_id uuid NOT NULL,
    value jsonb NOT NULL
);

CREATE TABLE email_accounts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    address text NOT NULL UNIQUE,
    provider text NOT NULL
);

CREATE TABLE email_threads (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    subject text NOT NULL
);

CREATE TABLE email_messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    thread_id uuid NOT NULL,
    from_address text NOT NULL,
    body text NOT NULL,
    sent_at timestamptz NOT NULL
);

CREATE TABLE email_attachments (
    message_id uuid NOT NULL,
    file_id uuid NOT NULL,
    PRIMARY KEY (message_id, file_id)
);

CREATE TABLE projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    key text NOT NULL,
    owner_id uuid,
    starts_on date,
    ends_on date,
    archived boolean NOT NULL,
    UNIQUE (organization_id, key)
);

CREATE TABLE project_members (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL
);

CREATE TABLE milestones (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL,
    name text NOT NULL,
    due_on date NOT NULL
);

CREATE TABLE sprints (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL,
    name text NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL
);

CREATE TABLE issues (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL,
    sprint_id uuid,
    milestone_id uuid,
    parent_id uuid,
    assignee_id uuid,
    reporter_id uuid NOT NULL,
    title text NOT NULL,
    description text,
    status text NOT NULL,
    priority integer NOT NULL,
    estimate numeric,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE issue_links (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    issue_id uuid NOT NULL,
    target_id uuid NOT NULL,
    kind text NOT NULL
);

CREATE TABLE issue_labels (
    issue_id uuid NOT NULL,
    label_id uuid NOT NULL,
    PRIMARY KEY (issue_id, label_id)
);

CREATE TABLE labels (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    color text NOT NULL,
    UNIQUE (organization_id, name)
);

CREATE TABLE issue_comments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    issue_id uuid NOT NULL,
    author_id uuid NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE issue_watchers (
    issue_id uuid NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (issue_id, user_id)
);

CREATE TABLE time_entries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    issue_id uuid NOT NULL,
    user_id uuid NOT NULL,
    minutes integer NOT NULL,
    spent_on date NOT NULL,
    billable boolean NOT NULL,
    invoice_line_id uuid
);

CREATE TABLE boards (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL,
    name text NOT NULL
);

CREATE TABLE board_columns (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    board_id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL,
    wip_limit integer
);

CREATE TABLE files (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    uploaded_by_id uuid,
    name text NOT NULL,
    mime text NOT NULL,
    bytes bigint NOT NULL,
    storage_key text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE file_versions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    file_id uuid NOT NULL,
    version integer NOT NULL,
    storage_key text NOT NULL
);

CREATE TABLE issue_files (
    issue_id uuid NOT NULL,
    file_id uuid NOT NULL,
    PRIMARY KEY (issue_id, file_id)
);

CREATE TABLE tickets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    contact_id uuid,
    assignee_id uuid,
    queue_id uuid NOT NULL,
    subject text NOT NULL,
    status text NOT NULL,
    priority integer NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE ticket_queues (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL
);

CREATE TABLE ticket_messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL,
    author_id uuid,
    body text NOT NULL,
    internal boolean NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE ticket_tags (
    ticket_id uuid NOT NULL,
    tag_id uuid NOT NULL,
    PRIMARY KEY (ticket_id, tag_id)
);

CREATE TABLE sla_policies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    first_response_minutes integer NOT NULL
);

CREATE TABLE sla_breaches (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    at timestamptz NOT NULL
);

CREATE TABLE macros (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    body text NOT NULL
);

CREATE TABLE satisfaction_ratings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL,
    score integer NOT NULL,
    comment text
);

CREATE TABLE products (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    price numeric(12,2) NOT NULL,
    tax_rate_id uuid,
    category_id uuid,
    active boolean NOT NULL,
    UNIQUE (organization_id, sku)
);

CREATE TABLE product_categories (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    parent_id uuid,
    name text NOT NULL
);

CREATE TABLE product_images (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    product_id uuid NOT NULL,
    file_id uuid NOT NULL,
    position integer NOT NULL
);

CREATE TABLE product_variants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    product_id uuid NOT NULL,
    sku text NOT NULL,
    options jsonb NOT NULL
);

CREATE TABLE warehouses (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    address_id uuid
);

CREATE TABLE stock_levels (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    warehouse_id uuid NOT NULL,
    variant_id uuid NOT NULL,
    quantity integer NOT NULL
);

CREATE TABLE stock_movements (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    warehouse_id uuid NOT NULL,
    variant_id uuid NOT NULL,
    delta integer NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL
);

CREATE TABLE orders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    contact_id uuid,
    number text NOT NULL,
    status text NOT NULL,
    currency text NOT NULL,
    total numeric(12,2) NOT NULL,
    placed_at timestamptz NOT NULL,
    shipping_address_id uuid,
    UNIQUE (organization_id, number)
);

CREATE TABLE order_items (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id uuid NOT NULL,
    variant_id uuid NOT NULL,
    quantity integer NOT NULL,
    price numeric(12,2) NOT NULL
);

CREATE TABLE shipments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id uuid NOT NULL,
    carrier_id uuid NOT NULL,
    tracking text,
    shipped_at timestamptz
);

CREATE TABLE shipment_items (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    shipment_id uuid NOT NULL,
    order_item_id uuid NOT NULL,
    quantity integer NOT NULL
);

CREATE TABLE carriers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    tracking_url text NOT NULL
);

CREATE TABLE returns (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id uuid NOT NULL,
    reason text NOT NULL,
    status text NOT NULL
);

CREATE TABLE price_lists (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    currency text NOT NULL
);

CREATE TABLE price_list_items (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    price_list_id uuid NOT NULL,
    variant_id uuid NOT NULL,
    price numeric(12,2) NOT NULL
);

CREATE TABLE articles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    author_id uuid,
    title text NOT NULL,
    slug text NOT NULL,
    body text NOT NULL,
    published_at timestamptz,
    UNIQUE (organization_id, slug)
);

CREATE TABLE article_revisions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    article_id uuid NOT NULL,
    author_id uuid,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE article_categories (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    parent_id uuid
);

CREATE TABLE article_feedback (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    article_id uuid NOT NULL,
    helpful boolean NOT NULL,
    comment text
);

CREATE TABLE webhooks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    url text NOT NULL,
    secret text NOT NULL,
    events text[] NOT NULL
);

CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id uuid NOT NULL,
    status integer NOT NULL,
    payload jsonb NOT NULL,
    attempted_at timestamptz NOT NULL
);

CREATE TABLE integrations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    config jsonb NOT NULL
);

CREATE TABLE integration_providers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    docs_url text NOT NULL
);

CREATE TABLE import_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id uuid,
    file_id uuid,
    status text NOT NULL
);

CREATE TABLE import_rows (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id uuid NOT NULL,
    line integer NOT NULL,
    error text
);

CREATE TABLE dashboards (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    owner_id uuid,
    name text NOT NULL
);

CREATE TABLE dashboard_widgets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dashboard_id uuid NOT NULL,
    kind text NOT NULL,
    config jsonb NOT NULL,
    position integer NOT NULL
);

CREATE TABLE saved_reports (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    owner_id uuid,
    name text NOT NULL,
    query jsonb NOT NULL
);

CREATE TABLE metrics_daily (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    metric text NOT NULL,
    day date NOT NULL,
    value numeric NOT NULL
);

CREATE TABLE feature_flags (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    key text NOT NULL UNIQUE,
    description text NOT NULL
);

CREATE TABLE feature_overrides (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    flag_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    enabled boolean NOT NULL
);

CREATE TABLE employees (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id uuid,
    manager_id uuid,
    department_id uuid,
    hired_on date NOT NULL,
    title text NOT NULL
);

CREATE TABLE departments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name text NOT NULL,
    parent_id uuid
);

CREATE TABLE leave_requests (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    employee_id uuid NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    status text NOT NULL
);

CREATE TABLE notifications (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    read_at timestamptz,
    created_at timestamptz NOT NULL
);

ALTER TABLE plans ADD CONSTRAINT plans_currency_fkey FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE plan_features ADD CONSTRAINT plan_features_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans;
ALTER TABLE organizations ADD CONSTRAINT organizations_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans;
ALTER TABLE organizations ADD CONSTRAINT organizations_country_fkey FOREIGN KEY (country) REFERENCES countries;
ALTER TABLE organization_domains ADD CONSTRAINT organization_domains_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE organization_settings ADD CONSTRAINT organization_settings_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE organization_settings ADD CONSTRAINT organization_settings_timezone_fkey FOREIGN KEY (timezone) REFERENCES timezones;
ALTER TABLE memberships ADD CONSTRAINT memberships_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE memberships ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE memberships ADD CONSTRAINT memberships_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles;
ALTER TABLE memberships ADD CONSTRAINT memberships_invited_by_id_fkey FOREIGN KEY (invited_by_id) REFERENCES users;
ALTER TABLE roles ADD CONSTRAINT roles_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE role_permissions ADD CONSTRAINT role_permissions_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles;
ALTER TABLE role_permissions ADD CONSTRAINT role_permissions_permission_id_fkey FOREIGN KEY (permission_id) REFERENCES permissions;
ALTER TABLE invitations ADD CONSTRAINT invitations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE invitations ADD CONSTRAINT invitations_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles;
ALTER TABLE sessions ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE audit_events ADD CONSTRAINT audit_events_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE audit_events ADD CONSTRAINT audit_events_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES users;
ALTER TABLE teams ADD CONSTRAINT teams_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE teams ADD CONSTRAINT teams_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES users;
ALTER TABLE team_members ADD CONSTRAINT team_members_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams;
ALTER TABLE team_members ADD CONSTRAINT team_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans;
ALTER TABLE invoices ADD CONSTRAINT invoices_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE invoices ADD CONSTRAINT invoices_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions;
ALTER TABLE invoices ADD CONSTRAINT invoices_currency_fkey FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE invoice_lines ADD CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices;
ALTER TABLE invoice_lines ADD CONSTRAINT invoice_lines_product_id_fkey FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE payments ADD CONSTRAINT payments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE payments ADD CONSTRAINT payments_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices;
ALTER TABLE payments ADD CONSTRAINT payments_method_id_fkey FOREIGN KEY (method_id) REFERENCES payment_methods;
ALTER TABLE payment_methods ADD CONSTRAINT payment_methods_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE refunds ADD CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments;
ALTER TABLE credit_notes ADD CONSTRAINT credit_notes_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE credit_notes ADD CONSTRAINT credit_notes_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices;
ALTER TABLE coupons ADD CONSTRAINT coupons_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE coupon_redemptions ADD CONSTRAINT coupon_redemptions_coupon_id_fkey FOREIGN KEY (coupon_id) REFERENCES coupons;
ALTER TABLE coupon_redemptions ADD CONSTRAINT coupon_redemptions_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions;
ALTER TABLE tax_rates ADD CONSTRAINT tax_rates_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE tax_rates ADD CONSTRAINT tax_rates_country_fkey FOREIGN KEY (country) REFERENCES countries;
ALTER TABLE usage_records ADD CONSTRAINT usage_records_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE usage_records ADD CONSTRAINT usage_records_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions;
ALTER TABLE companies ADD CONSTRAINT companies_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE companies ADD CONSTRAINT companies_country_fkey FOREIGN KEY (country) REFERENCES countries;
ALTER TABLE companies ADD CONSTRAINT companies_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE contacts ADD CONSTRAINT contacts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE contacts ADD CONSTRAINT contacts_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies;
ALTER TABLE contacts ADD CONSTRAINT contacts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE contact_tags ADD CONSTRAINT contact_tags_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts;
ALTER TABLE contact_tags ADD CONSTRAINT contact_tags_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES tags;
ALTER TABLE addresses ADD CONSTRAINT addresses_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE addresses ADD CONSTRAINT addresses_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts;
ALTER TABLE addresses ADD CONSTRAINT addresses_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies;
ALTER TABLE addresses ADD CONSTRAINT addresses_country_fkey FOREIGN KEY (country) REFERENCES countries;
ALTER TABLE pipelines ADD CONSTRAINT pipelines_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE stages ADD CONSTRAINT stages_pipeline_id_fkey FOREIGN KEY (pipeline_id) REFERENCES pipelines;
ALTER TABLE deals ADD CONSTRAINT deals_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE deals ADD CONSTRAINT deals_stage_id_fkey FOREIGN KEY (stage_id) REFERENCES stages;
ALTER TABLE deals ADD CONSTRAINT deals_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies;
ALTER TABLE deals ADD CONSTRAINT deals_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts;
ALTER TABLE deals ADD CONSTRAINT deals_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE deals ADD CONSTRAINT deals_currency_fkey FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE deal_products ADD CONSTRAINT deal_products_deal_id_fkey FOREIGN KEY (deal_id) REFERENCES deals;
ALTER TABLE deal_products ADD CONSTRAINT deal_products_product_id_fkey FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE activities ADD CONSTRAINT activities_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE activities ADD CONSTRAINT activities_deal_id_fkey FOREIGN KEY (deal_id) REFERENCES deals;
ALTER TABLE activities ADD CONSTRAINT activities_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts;
ALTER TABLE activities ADD CONSTRAINT activities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE notes ADD CONSTRAINT notes_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE notes ADD CONSTRAINT notes_author_id_fkey FOREIGN KEY (author_id) REFERENCES users;
ALTER TABLE notes ADD CONSTRAINT notes_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts;
ALTER TABLE notes ADD CONSTRAINT notes_deal_id_fkey FOREIGN KEY (deal_id) REFERENCES deals;
ALTER TABLE tags ADD CONSTRAINT tags_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE custom_fields ADD CONSTRAINT custom_fields_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE custom_values ADD CONSTRAINT custom_values_field_id_fkey FOREIGN KEY (field_id) REFERENCES custom_fields;
ALTER TABLE email_accounts ADD CONSTRAINT email_accounts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE email_accounts ADD CONSTRAINT email_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE email_threads ADD CONSTRAINT email_threads_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE email_threads ADD CONSTRAINT email_threads_account_id_fkey FOREIGN KEY (account_id) REFERENCES email_accounts;
ALTER TABLE email_messages ADD CONSTRAINT email_messages_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES email_threads;
ALTER TABLE email_attachments ADD CONSTRAINT email_attachments_message_id_fkey FOREIGN KEY (message_id) REFERENCES email_messages;
ALTER TABLE email_attachments ADD CONSTRAINT email_attachments_file_id_fkey FOREIGN KEY (file_id) REFERENCES files;
ALTER TABLE projects ADD CONSTRAINT projects_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE projects ADD CONSTRAINT projects_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE project_members ADD CONSTRAINT project_members_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects;
ALTER TABLE project_members ADD CONSTRAINT project_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE milestones ADD CONSTRAINT milestones_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects;
ALTER TABLE sprints ADD CONSTRAINT sprints_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects;
ALTER TABLE issues ADD CONSTRAINT issues_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects;
ALTER TABLE issues ADD CONSTRAINT issues_sprint_id_fkey FOREIGN KEY (sprint_id) REFERENCES sprints;
ALTER TABLE issues ADD CONSTRAINT issues_milestone_id_fkey FOREIGN KEY (milestone_id) REFERENCES milestones;
ALTER TABLE issues ADD CONSTRAINT issues_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES issues;
ALTER TABLE issues ADD CONSTRAINT issues_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users;
ALTER TABLE issues ADD CONSTRAINT issues_reporter_id_fkey FOREIGN KEY (reporter_id) REFERENCES users;
ALTER TABLE issue_links ADD CONSTRAINT issue_links_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues;
ALTER TABLE issue_links ADD CONSTRAINT issue_links_target_id_fkey FOREIGN KEY (target_id) REFERENCES issues;
ALTER TABLE issue_labels ADD CONSTRAINT issue_labels_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues;
ALTER TABLE issue_labels ADD CONSTRAINT issue_labels_label_id_fkey FOREIGN KEY (label_id) REFERENCES labels;
ALTER TABLE labels ADD CONSTRAINT labels_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE issue_comments ADD CONSTRAINT issue_comments_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues;
ALTER TABLE issue_comments ADD CONSTRAINT issue_comments_author_id_fkey FOREIGN KEY (author_id) REFERENCES users;
ALTER TABLE issue_watchers ADD CONSTRAINT issue_watchers_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues;
ALTER TABLE issue_watchers ADD CONSTRAINT issue_watchers_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE time_entries ADD CONSTRAINT time_entries_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues;
ALTER TABLE time_entries ADD CONSTRAINT time_entries_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE time_entries ADD CONSTRAINT time_entries_invoice_line_id_fkey FOREIGN KEY (invoice_line_id) REFERENCES invoice_lines;
ALTER TABLE boards ADD CONSTRAINT boards_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects;
ALTER TABLE board_columns ADD CONSTRAINT board_columns_board_id_fkey FOREIGN KEY (board_id) REFERENCES boards;
ALTER TABLE files ADD CONSTRAINT files_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE files ADD CONSTRAINT files_uploaded_by_id_fkey FOREIGN KEY (uploaded_by_id) REFERENCES users;
ALTER TABLE file_versions ADD CONSTRAINT file_versions_file_id_fkey FOREIGN KEY (file_id) REFERENCES files;
ALTER TABLE issue_files ADD CONSTRAINT issue_files_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues;
ALTER TABLE issue_files ADD CONSTRAINT issue_files_file_id_fkey FOREIGN KEY (file_id) REFERENCES files;
ALTER TABLE tickets ADD CONSTRAINT tickets_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE tickets ADD CONSTRAINT tickets_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts;
ALTER TABLE tickets ADD CONSTRAINT tickets_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users;
ALTER TABLE tickets ADD CONSTRAINT tickets_queue_id_fkey FOREIGN KEY (queue_id) REFERENCES ticket_queues;
ALTER TABLE ticket_queues ADD CONSTRAINT ticket_queues_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE ticket_messages ADD CONSTRAINT ticket_messages_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES tickets;
ALTER TABLE ticket_messages ADD CONSTRAINT ticket_messages_author_id_fkey FOREIGN KEY (author_id) REFERENCES users;
ALTER TABLE ticket_tags ADD CONSTRAINT ticket_tags_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES tickets;
ALTER TABLE ticket_tags ADD CONSTRAINT ticket_tags_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES tags;
ALTER TABLE sla_policies ADD CONSTRAINT sla_policies_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE sla_breaches ADD CONSTRAINT sla_breaches_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES tickets;
ALTER TABLE sla_breaches ADD CONSTRAINT sla_breaches_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES sla_policies;
ALTER TABLE macros ADD CONSTRAINT macros_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE satisfaction_ratings ADD CONSTRAINT satisfaction_ratings_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES tickets;
ALTER TABLE products ADD CONSTRAINT products_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE products ADD CONSTRAINT products_tax_rate_id_fkey FOREIGN KEY (tax_rate_id) REFERENCES tax_rates;
ALTER TABLE products ADD CONSTRAINT products_category_id_fkey FOREIGN KEY (category_id) REFERENCES product_categories;
ALTER TABLE product_categories ADD CONSTRAINT product_categories_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE product_categories ADD CONSTRAINT product_categories_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES product_categories;
ALTER TABLE product_images ADD CONSTRAINT product_images_product_id_fkey FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE product_images ADD CONSTRAINT product_images_file_id_fkey FOREIGN KEY (file_id) REFERENCES files;
ALTER TABLE product_variants ADD CONSTRAINT product_variants_product_id_fkey FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_address_id_fkey FOREIGN KEY (address_id) REFERENCES addresses;
ALTER TABLE stock_levels ADD CONSTRAINT stock_levels_warehouse_id_fkey FOREIGN KEY (warehouse_id) REFERENCES warehouses;
ALTER TABLE stock_levels ADD CONSTRAINT stock_levels_variant_id_fkey FOREIGN KEY (variant_id) REFERENCES product_variants;
ALTER TABLE stock_movements ADD CONSTRAINT stock_movements_warehouse_id_fkey FOREIGN KEY (warehouse_id) REFERENCES warehouses;
ALTER TABLE stock_movements ADD CONSTRAINT stock_movements_variant_id_fkey FOREIGN KEY (variant_id) REFERENCES product_variants;
ALTER TABLE orders ADD CONSTRAINT orders_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE orders ADD CONSTRAINT orders_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts;
ALTER TABLE orders ADD CONSTRAINT orders_currency_fkey FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE orders ADD CONSTRAINT orders_shipping_address_id_fkey FOREIGN KEY (shipping_address_id) REFERENCES addresses;
ALTER TABLE order_items ADD CONSTRAINT order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE order_items ADD CONSTRAINT order_items_variant_id_fkey FOREIGN KEY (variant_id) REFERENCES product_variants;
ALTER TABLE shipments ADD CONSTRAINT shipments_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE shipments ADD CONSTRAINT shipments_carrier_id_fkey FOREIGN KEY (carrier_id) REFERENCES carriers;
ALTER TABLE shipment_items ADD CONSTRAINT shipment_items_shipment_id_fkey FOREIGN KEY (shipment_id) REFERENCES shipments;
ALTER TABLE shipment_items ADD CONSTRAINT shipment_items_order_item_id_fkey FOREIGN KEY (order_item_id) REFERENCES order_items;
ALTER TABLE returns ADD CONSTRAINT returns_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE price_lists ADD CONSTRAINT price_lists_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE price_lists ADD CONSTRAINT price_lists_currency_fkey FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE price_list_items ADD CONSTRAINT price_list_items_price_list_id_fkey FOREIGN KEY (price_list_id) REFERENCES price_lists;
ALTER TABLE price_list_items ADD CONSTRAINT price_list_items_variant_id_fkey FOREIGN KEY (variant_id) REFERENCES product_variants;
ALTER TABLE articles ADD CONSTRAINT articles_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE articles ADD CONSTRAINT articles_author_id_fkey FOREIGN KEY (author_id) REFERENCES users;
ALTER TABLE article_revisions ADD CONSTRAINT article_revisions_article_id_fkey FOREIGN KEY (article_id) REFERENCES articles;
ALTER TABLE article_revisions ADD CONSTRAINT article_revisions_author_id_fkey FOREIGN KEY (author_id) REFERENCES users;
ALTER TABLE article_categories ADD CONSTRAINT article_categories_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE article_categories ADD CONSTRAINT article_categories_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES article_categories;
ALTER TABLE article_feedback ADD CONSTRAINT article_feedback_article_id_fkey FOREIGN KEY (article_id) REFERENCES articles;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks;
ALTER TABLE integrations ADD CONSTRAINT integrations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE integrations ADD CONSTRAINT integrations_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES integration_providers;
ALTER TABLE import_jobs ADD CONSTRAINT import_jobs_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE import_jobs ADD CONSTRAINT import_jobs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE import_jobs ADD CONSTRAINT import_jobs_file_id_fkey FOREIGN KEY (file_id) REFERENCES files;
ALTER TABLE import_rows ADD CONSTRAINT import_rows_job_id_fkey FOREIGN KEY (job_id) REFERENCES import_jobs;
ALTER TABLE dashboards ADD CONSTRAINT dashboards_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE dashboards ADD CONSTRAINT dashboards_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE dashboard_widgets ADD CONSTRAINT dashboard_widgets_dashboard_id_fkey FOREIGN KEY (dashboard_id) REFERENCES dashboards;
ALTER TABLE saved_reports ADD CONSTRAINT saved_reports_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE saved_reports ADD CONSTRAINT saved_reports_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE metrics_daily ADD CONSTRAINT metrics_daily_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE feature_overrides ADD CONSTRAINT feature_overrides_flag_id_fkey FOREIGN KEY (flag_id) REFERENCES feature_flags;
ALTER TABLE feature_overrides ADD CONSTRAINT feature_overrides_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE employees ADD CONSTRAINT employees_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE employees ADD CONSTRAINT employees_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE employees ADD CONSTRAINT employees_manager_id_fkey FOREIGN KEY (manager_id) REFERENCES employees;
ALTER TABLE employees ADD CONSTRAINT employees_department_id_fkey FOREIGN KEY (department_id) REFERENCES departments;
ALTER TABLE departments ADD CONSTRAINT departments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
ALTER TABLE departments ADD CONSTRAINT departments_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES departments;
ALTER TABLE leave_requests ADD CONSTRAINT leave_requests_employee_id_fkey FOREIGN KEY (employee_id) REFERENCES employees;
ALTER TABLE notifications ADD CONSTRAINT notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE notifications ADD CONSTRAINT notifications_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;

CREATE INDEX issues_open ON issues (project_id, priority) WHERE status <> 'done';
CREATE INDEX files_by_kind ON files (organization_id, mime);
CREATE INDEX dashboards_config ON dashboard_widgets USING gin (config);
CREATE INDEX contacts_name ON contacts (organization_id, lower(last_name));
