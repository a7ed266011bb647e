-- Persons: who asks for work and who does it.

CREATE TABLE cmms.person (
  tenant_id text NOT NULL,
  person_id uuid NOT NULL DEFAULT cmms.uuidv7(),
  provider_id text NOT NULL,
  source_person_id cmms.source_id,
  identifier text,
  name cmms.record_name,
  first_name text,
  last_name text,
  email text,
  phone text,
  active boolean,
  LIKE cmms.synchronized_record INCLUDING DEFAULTS INCLUDING COMMENTS,
  PRIMARY KEY (tenant_id, person_id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX person_source_key ON cmms.person (tenant_id, provider_id, source_person_id) WHERE source_person_id IS NOT NULL;
CREATE INDEX person_identifier_idx ON cmms.person (tenant_id, provider_id, identifier) WHERE identifier IS NOT NULL;

COMMENT ON TABLE cmms.person IS 'Persons of all providers in one shape: users, technicians, requesters. Nothing here is a login.';
COMMENT ON COLUMN cmms.person.tenant_id IS 'Tenant; filled in from the provider, and always the provider''s.';
COMMENT ON COLUMN cmms.person.person_id IS 'Our own id, made here. Cannot be changed.';
COMMENT ON COLUMN cmms.person.provider_id IS 'Name of the foreign server that it belongs to. Cannot be changed.';
COMMENT ON COLUMN cmms.person.source_person_id IS 'The provider''s id of it; null until the provider has it.';
COMMENT ON COLUMN cmms.person.identifier IS 'Code that people use for them: user name, personnel number.';
COMMENT ON COLUMN cmms.person.name IS 'Whole name. 1 to 1,000 characters.';
COMMENT ON COLUMN cmms.person.first_name IS 'Given name.';
COMMENT ON COLUMN cmms.person.last_name IS 'Family name.';
COMMENT ON COLUMN cmms.person.email IS 'E-mail address.';
COMMENT ON COLUMN cmms.person.phone IS 'Telephone number.';
COMMENT ON COLUMN cmms.person.active IS 'Whether the account is in use there; null: not said.';

DROP TABLE cmms.synchronized_record;
