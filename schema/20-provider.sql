-- Providers: a foreign server is one connection to one CMMS. The tables here hold what the server's options cannot.

CREATE FUNCTION cmms.fdw_handler() RETURNS fdw_handler
  AS 'MODULE_PATHNAME', 'cmms_fdw_handler' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.fdw_handler() IS 'Handler of foreign data wrapper cmms. Foreign tables are not supported: their scan is refused with a hint.';

CREATE FUNCTION cmms.fdw_validator(options text[], catalog oid) RETURNS void
  AS 'MODULE_PATHNAME', 'cmms_fdw_validator' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.fdw_validator(text[], oid) IS
'Validator of foreign data wrapper cmms: knows the options and credentials of each provider type. An unknown, missing or malformed one is refused; the hint lists the valid ones. SQLSTATE WO006.';

CREATE FOREIGN DATA WRAPPER cmms HANDLER cmms.fdw_handler VALIDATOR cmms.fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER cmms IS 'Connections to maintenance management systems: one server for each, credentials in user mappings.';

CREATE FUNCTION cmms.configuration_changed() RETURNS trigger
  AS 'MODULE_PATHNAME', 'cmms_configuration_changed' LANGUAGE c;
COMMENT ON FUNCTION cmms.configuration_changed() IS
'Statement trigger of the configuration tables: all sessions and the worker forget what they have cached of providers.';

CREATE FUNCTION cmms.provider_tenant(provider_id text) RETURNS text
  AS 'MODULE_PATHNAME', 'cmms_provider_tenant' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.provider_tenant(text) IS
'Tenant of a provider: the server''s option "tenant", otherwise "default". SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.provider_setting(provider_id text, option text) RETURNS text
  AS 'MODULE_PATHNAME', 'cmms_provider_setting' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.provider_setting(text, text) IS
'Effective value of a server option, the descriptor''s default filled in; null when it has none. Never a credential. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.unmapped_required(provider_id text) RETURNS SETOF text
  AS 'MODULE_PATHNAME', 'cmms_unmapped_required' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.unmapped_required(text) IS
'Fields that the provider requires and that no rule fills, as resource.field. Empty: the provider can be activated. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.pollable_resources(provider_id text) RETURNS SETOF text
  AS 'MODULE_PATHNAME', 'cmms_pollable_resources' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.pollable_resources(text) IS
'Resources that the provider can be asked for changes of. Empty: its news come by webhook only. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.readable_resources(provider_id text) RETURNS SETOF text
  AS 'MODULE_PATHNAME', 'cmms_readable_resources' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.readable_resources(text) IS
'Resources of which a single record can be read by its id at the provider. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.quotas(provider_id text) RETURNS TABLE (resource text, operation text, quota_limit bigint)
  AS 'MODULE_PATHNAME', 'cmms_quotas' LANGUAGE c STABLE STRICT ROWS 2;
COMMENT ON FUNCTION cmms.quotas(text) IS
'Writes in a calendar month that the provider takes of each resource, as the server''s options say; nothing where it is not limited. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.credential_status(provider_id text)
  RETURNS TABLE (credential text, description text, required boolean, is_given boolean, is_file boolean, problem text)
  AS 'MODULE_PATHNAME', 'cmms_credential_status' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.credential_status(text) IS
'The credentials that a provider''s type knows: whether each is given, whether by file, and why it cannot be used; never its value. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.masked_text(provider_id text, value text) RETURNS text
  AS 'MODULE_PATHNAME', 'cmms_masked_text' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.masked_text(text, text) IS
'A text with the provider''s credentials replaced by ***, in whatever encoding they stand there. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.path_value(document jsonb, path text) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'cmms_path_value' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cmms.path_value(jsonb, text) IS
'What a path of a field map finds in a document, as a rule with this source reads it: $.a.b or short a.b, a[0], a[*].b, or a JSON array of paths, of which the first that holds something counts. Null: nothing is there. SQLSTATE WO006: malformed path.';

CREATE TABLE cmms.provider_type (
  provider_type text PRIMARY KEY CHECK (provider_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  descriptor jsonb NOT NULL CHECK (pg_catalog.jsonb_typeof(descriptor) = 'object'),
  built_in boolean NOT NULL DEFAULT false,
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE cmms.provider_type IS 'Descriptors: how to talk to each kind of CMMS. A new kind is a new row, no compiler needed.';
COMMENT ON COLUMN cmms.provider_type.provider_type IS 'Name, as used in the server''s option "type".';
COMMENT ON COLUMN cmms.provider_type.descriptor IS 'Authentication, headers, resources, envelopes, paging, errors, limits and default maps; see the documentation of descriptors.';
COMMENT ON COLUMN cmms.provider_type.built_in IS 'Shipped with the extension: not dumped, and replaced at an upgrade. Changing the row clears the flag.';
COMMENT ON COLUMN cmms.provider_type.updated_at IS 'Last change of the row.';

-- A changed shipped row becomes the DBA's: it is dumped, and its restore takes the place of the shipped one.
CREATE FUNCTION cmms.provider_type_owned() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    DELETE FROM cmms.provider_type t WHERE t.provider_type = NEW.provider_type AND t.built_in AND NOT NEW.built_in;
  ELSE
    NEW.built_in := false;
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION cmms.provider_type_owned() IS 'Row trigger of provider_type: an inserted row replaces the shipped one of the same name, an updated one is no longer built in.';

CREATE TRIGGER owned BEFORE INSERT OR UPDATE ON cmms.provider_type
  FOR EACH ROW EXECUTE FUNCTION cmms.provider_type_owned();
CREATE TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cmms.provider_type
  FOR EACH STATEMENT EXECUTE FUNCTION cmms.configuration_changed();

CREATE TABLE cmms.provider (
  provider_id text PRIMARY KEY,
  tenant_id text NOT NULL CHECK (tenant_id <> ''),
  mode text NOT NULL DEFAULT 'write_back' REFERENCES cmms.mode,
  active boolean NOT NULL DEFAULT false,
  poll_interval interval NOT NULL DEFAULT '60 s' CHECK (poll_interval BETWEEN '1 s' AND '31 days'),
  import_since timestamptz,
  activated_at timestamptz,
  paused_at timestamptz,
  paused_by name,
  pause_reason text,
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE cmms.provider IS 'One row for each foreign server that was activated: how it is used. Written by cmms.activate, cmms.deactivate, cmms.pause_provider and cmms.resume_provider.';
COMMENT ON COLUMN cmms.provider.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.provider.tenant_id IS 'Tenant whose records this provider holds.';
COMMENT ON COLUMN cmms.provider.mode IS 'read, draft, handoff or write_back; see cmms.mode.';
COMMENT ON COLUMN cmms.provider.active IS 'The worker pushes and polls only where this is true; changes are queued in any case.';
COMMENT ON COLUMN cmms.provider.poll_interval IS 'Time from one poll to the next, 1 second to 31 days.';
COMMENT ON COLUMN cmms.provider.import_since IS 'Start of the first import: records changed at the provider since then. Null: all of them.';
COMMENT ON COLUMN cmms.provider.activated_at IS 'Last call of cmms.activate.';
COMMENT ON COLUMN cmms.provider.paused_at IS 'Since when no request leaves, by cmms.pause_provider; null: not paused.';
COMMENT ON COLUMN cmms.provider.paused_by IS 'Who paused it.';
COMMENT ON COLUMN cmms.provider.pause_reason IS 'Why, if a reason was given.';
COMMENT ON COLUMN cmms.provider.updated_at IS 'Last change of the row.';
CREATE TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cmms.provider
  FOR EACH STATEMENT EXECUTE FUNCTION cmms.configuration_changed();

CREATE TABLE cmms.provider_state (
  provider_id text PRIMARY KEY,
  circuit text NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'half_open')),
  consecutive_failures integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  rate_limit_limit integer,
  rate_limit_remaining integer,
  rate_limit_reset_at timestamptz,
  last_success_at timestamptz,
  last_error text,
  last_error_class text,
  last_error_at timestamptz,
  waiting_for text CHECK (waiting_for IN ('configuration', 'circuit', 'trial', 'retry_after', 'quota', 'configured_rate'))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000);
COMMENT ON TABLE cmms.provider_state IS 'How each provider does at run time. Kept by the worker; not dumped.';
COMMENT ON COLUMN cmms.provider_state.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.provider_state.circuit IS 'closed: in use; open: paused until next_attempt_at; half_open: one attempt decides.';
COMMENT ON COLUMN cmms.provider_state.consecutive_failures IS 'Failures of the provider as a whole since its last success.';
COMMENT ON COLUMN cmms.provider_state.next_attempt_at IS 'No request leaves before; null: no restriction.';
COMMENT ON COLUMN cmms.provider_state.rate_limit_limit IS 'Requests per window, as the provider last said.';
COMMENT ON COLUMN cmms.provider_state.rate_limit_remaining IS 'Requests left in the window, as the provider last said.';
COMMENT ON COLUMN cmms.provider_state.rate_limit_reset_at IS 'End of the window, as the provider last said.';
COMMENT ON COLUMN cmms.provider_state.last_success_at IS 'Last answer that counted as success.';
COMMENT ON COLUMN cmms.provider_state.last_error IS 'Last failure of the provider as a whole, secrets masked.';
COMMENT ON COLUMN cmms.provider_state.last_error_class IS 'Its class; see cmms.error_class.';
COMMENT ON COLUMN cmms.provider_state.last_error_at IS 'When it happened.';
COMMENT ON COLUMN cmms.provider_state.waiting_for IS 'Why the worker lets no request leave, as of its last word; null: it does. cmms.sync_health has the reasons that the worker does not know, too.';

CREATE FUNCTION cmms.test_connection(provider_id text, timeout interval DEFAULT '10 s')
  RETURNS TABLE (provider_id text, reachable boolean, authenticated boolean, permissions text[], rate_limit integer,
                 rate_limit_remaining integer, rate_limit_reset_at timestamptz, latency_ms numeric, detail text)
  AS 'MODULE_PATHNAME', 'cmms_test_connection' LANGUAGE c STRICT ROWS 1;
COMMENT ON FUNCTION cmms.test_connection(text, interval) IS
'Asks the provider, from this session and without writing anything: is it reachable, does it accept the credential, what may the credential do, how much of the rate limit is left. timeout: for the whole test. A failure of the provider is a row with its reason in detail. SQLSTATEs: WO001 no such server, WO006 invalid configuration.';
