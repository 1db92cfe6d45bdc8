    scope := {{scope}};
    IF scope IS NULL THEN
      members := {{members}};
      -- Tenants that were added since.
      PERFORM tenancy.register_tenant({{id}}) FROM public.{{root}} root
        WHERE {{id}} = ANY (members) AND NOT EXISTS (SELECT FROM tenancy.tenant_scopes s WHERE s.tenant = {{id}});
      IF members = '{}' OR EXISTS (SELECT FROM unnest(members) one(tenant)
           WHERE NOT EXISTS (SELECT FROM tenancy.tenant_scopes s WHERE s.tenant = one.tenant)) THEN
        scope := {{nobody}};
      ELSE
        scope := tenancy.scope_for(VARIADIC members);
      END IF;
    END IF;
