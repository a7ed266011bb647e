-- Vocabularies: lookup tables that a DBA may extend. Rows shipped with the extension carry built_in and are not dumped.

CREATE TABLE cmms.common_status (
  name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  sort_order integer NOT NULL,
  is_final boolean NOT NULL DEFAULT false,
  is_detour boolean NOT NULL DEFAULT false,
  description text NOT NULL DEFAULT '',
  built_in boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE cmms.common_status IS 'The hub''s lifecycle states. Providers'' own states are translated to these by value maps. Add rows to extend; add their moves to cmms.transition.';
COMMENT ON COLUMN cmms.common_status.name IS 'State, as stored in work_order.common_status: lower case letters, digits, underscores.';
COMMENT ON COLUMN cmms.common_status.sort_order IS 'Position in the usual flow of work, ascending.';
COMMENT ON COLUMN cmms.common_status.is_final IS 'True where no more work is expected; left only by reopening.';
COMMENT ON COLUMN cmms.common_status.is_detour IS 'True where the state is beside the usual flow: never suggested, and no step on the way to another state.';
COMMENT ON COLUMN cmms.common_status.description IS 'What the state means.';
COMMENT ON COLUMN cmms.common_status.built_in IS 'Shipped with the extension; not part of a dump.';

INSERT INTO cmms.common_status (name, sort_order, is_final, is_detour, description, built_in) VALUES
  ('requested', 10, false, false, 'Asked for; nobody has looked at it yet', true),
  ('triaged', 20, false, false, 'Looked at; urgency and kind are known', true),
  ('approved', 30, false, false, 'May be carried out', true),
  ('assigned', 40, false, false, 'Somebody is to do it', true),
  ('in_progress', 50, false, false, 'Being worked on', true),
  ('on_hold', 60, false, true, 'Work is interrupted: parts, access, decision', true),
  ('completed', 70, false, false, 'Field work is done; closeout review can begin', true),
  ('closed', 80, true, false, 'Closeout is final', true),
  ('cancelled', 90, true, true, 'Will not be done', true);

CREATE TABLE cmms.priority (
  name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  sort_order integer NOT NULL,
  description text NOT NULL DEFAULT '',
  built_in boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE cmms.priority IS 'The hub''s priorities. Providers'' own priorities are translated to these by value maps.';
COMMENT ON COLUMN cmms.priority.name IS 'Priority, as stored in work_order.priority: lower case letters, digits, underscores.';
COMMENT ON COLUMN cmms.priority.sort_order IS 'Most urgent first.';
COMMENT ON COLUMN cmms.priority.description IS 'What the priority means.';
COMMENT ON COLUMN cmms.priority.built_in IS 'Shipped with the extension; not part of a dump.';

INSERT INTO cmms.priority (name, sort_order, description, built_in) VALUES
  ('emergency', 10, 'Danger to people, plant or environment: at once', true),
  ('high', 20, 'Today', true),
  ('medium', 30, 'As planned', true),
  ('low', 40, 'When there is time', true),
  ('none', 50, 'Not prioritised', true);

CREATE TABLE cmms.sync_state (
  name text PRIMARY KEY,
  description text NOT NULL
);
COMMENT ON TABLE cmms.sync_state IS 'How a record stands with its provider.';
COMMENT ON COLUMN cmms.sync_state.name IS 'State, as stored in work_order.sync_state.';
COMMENT ON COLUMN cmms.sync_state.description IS 'What the state means and who acts next.';

INSERT INTO cmms.sync_state (name, description) VALUES
  ('imported', 'Came from the provider and was not changed since'),
  ('pending', 'A local change waits to be sent'),
  ('synchronized', 'Both sides agree'),
  ('local', 'Kept here only; the provider is not told'),
  ('accepted', 'The provider took the change and carries it out in the background'),
  ('retrying', 'An attempt failed and will be repeated'),
  ('rejected', 'The provider, or a person, refused it for good; correct the record or call cmms.retry'),
  ('stale', 'Not heard of for too long, gone at the provider, or in a conflict that waits for cmms.resolve'),
  ('in_doubt', 'An attempt ended without an answer; it is looked up before anything is sent again'),
  ('held', 'A value has no mapping or a required field is missing; map it, then it goes on by itself'),
  ('awaiting_approval', 'Mode draft: waits for cmms.approve or cmms.reject');

CREATE TABLE cmms.error_class (
  name text PRIMARY KEY,
  sqlstate text NOT NULL UNIQUE CHECK (sqlstate ~ '^WO[0-9]{3}$'),
  review_action text NOT NULL
);
COMMENT ON TABLE cmms.error_class IS 'Kinds of failure and what to review for each.';
COMMENT ON COLUMN cmms.error_class.name IS 'Class, as stored in last_error_class and sync_log.error_class.';
COMMENT ON COLUMN cmms.error_class.sqlstate IS 'SQLSTATE with which a function reports this class.';
COMMENT ON COLUMN cmms.error_class.review_action IS 'What a person should check.';

INSERT INTO cmms.error_class (name, sqlstate, review_action) VALUES
  ('authentication', 'WO101', 'Check the credential, the environment and the provider''s allow-list.'),
  ('authorization', 'WO102', 'Check the scope of the credential, the role at the provider and the tenant boundary.'),
  ('validation', 'WO103', 'Check required fields, allowed values, timestamp formats and the field map.'),
  ('identity', 'WO104', 'Check whether the referenced asset, location or work order exists at the provider.'),
  ('conflict', 'WO105', 'Check the source revision, the transition rules and who owns the field.'),
  ('provider_unavailable', 'WO106', 'Check the network and the provider''s status; attempts go on by themselves.'),
  ('configuration', 'WO006', 'Check the server''s options, the descriptor and the maps.'),
  ('unmapped_value', 'WO005', 'Map the value with cmms.map_value; held records are then processed again.');

CREATE TABLE cmms.mode (
  name text PRIMARY KEY,
  description text NOT NULL
);
COMMENT ON TABLE cmms.mode IS 'What pg_cmms may do with a provider.';
COMMENT ON COLUMN cmms.mode.name IS 'Mode, as given to cmms.activate.';
COMMENT ON COLUMN cmms.mode.description IS 'What is read and what is written.';

INSERT INTO cmms.mode (name, description) VALUES
  ('read', 'Import only; local changes are refused'),
  ('draft', 'Local changes are sent once a person has approved each of them with cmms.approve'),
  ('handoff', 'A new order is sent once, then the provider owns it; later local changes are refused'),
  ('write_back', 'Both ways');

CREATE TABLE cmms.event_type (
  name text PRIMARY KEY CHECK (name ~ '^[a-z_]+\.[a-z_]+$'),
  description text NOT NULL
);
COMMENT ON TABLE cmms.event_type IS 'Kinds of rows in cmms.event.';
COMMENT ON COLUMN cmms.event_type.name IS 'Type, as stored in event.event_type and sent in NOTIFY cmms_event.';
COMMENT ON COLUMN cmms.event_type.description IS 'When such an event is written.';

INSERT INTO cmms.event_type (name, description) VALUES
  ('work_order.created', 'A work order was inserted here or imported'),
  ('work_order.updated', 'A business column changed'),
  ('work_order.completed', 'The order reached the status completed'),
  ('work_order.closed', 'The order reached the status closed'),
  ('work_order.deleted', 'A work order was deleted here'),
  ('asset.created', 'An asset was inserted here or imported'),
  ('asset.updated', 'A business column of an asset changed'),
  ('asset.deleted', 'An asset was deleted here'),
  ('part.created', 'A part was inserted here or imported'),
  ('part.updated', 'A business column of a part changed'),
  ('part.deleted', 'A part was deleted here'),
  ('person.created', 'A person was inserted here or imported'),
  ('person.updated', 'A business column of a person changed'),
  ('person.deleted', 'A person was deleted here'),
  ('part_transaction.created', 'The stock of a part moved, or was reported'),
  ('attachment.added', 'A file or other evidence is available'),
  ('sync.failed', 'An import, handoff or write-back needs review'),
  ('sync.settled', 'A person said what became of an order in doubt'),
  ('mapping.exception', 'A field, status or reference has no mapping and is held');
