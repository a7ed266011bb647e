-- Domains: what a value must be wherever it is stored. Used instead of CHECK constraints in tables that are written to all
-- the time: the rule of a domain is compiled once in a session, that of a table anew for each statement.

CREATE DOMAIN cmms.order_title AS text
  CONSTRAINT order_title_check CHECK (pg_catalog.length(VALUE) BETWEEN 1 AND 1000);
COMMENT ON DOMAIN cmms.order_title IS 'Title of a work order: 1 to 1,000 characters.';

CREATE DOMAIN cmms.source_id AS text CONSTRAINT source_id_check CHECK (VALUE <> '');
COMMENT ON DOMAIN cmms.source_id IS 'A provider''s id of a record: null while it has none, never empty.';

CREATE DOMAIN cmms.currency_code AS text CONSTRAINT currency_code_check CHECK (VALUE ~ '^[A-Z]{3}$');
COMMENT ON DOMAIN cmms.currency_code IS 'ISO 4217 code of a currency: three capital letters.';

-- NaN is the greatest of numbers.
CREATE DOMAIN cmms.amount AS numeric(18,4) CONSTRAINT amount_check CHECK (VALUE <> 'NaN');
COMMENT ON DOMAIN cmms.amount IS 'Amount of money, in a currency that is kept beside it.';

CREATE DOMAIN cmms.quantity AS numeric(18,4) CONSTRAINT quantity_check CHECK (VALUE <> 'NaN');
COMMENT ON DOMAIN cmms.quantity IS 'Quantity of a stock or of a movement.';

CREATE DOMAIN cmms.record_name AS text
  CONSTRAINT record_name_check CHECK (pg_catalog.length(VALUE) BETWEEN 1 AND 1000);
COMMENT ON DOMAIN cmms.record_name IS 'Name of an asset, a part or a person: 1 to 1,000 characters.';

CREATE DOMAIN cmms.jsonb_object AS jsonb CONSTRAINT jsonb_object_check CHECK (pg_catalog.jsonb_typeof(VALUE) = 'object');
COMMENT ON DOMAIN cmms.jsonb_object IS 'A JSON object.';

-- The names of cmms.sync_state.
CREATE DOMAIN cmms.order_sync_state AS text
  CONSTRAINT order_sync_state_check CHECK (VALUE IN ('imported', 'pending', 'synchronized', 'retrying', 'rejected', 'stale',
                                                     'in_doubt', 'held', 'awaiting_approval'));
COMMENT ON DOMAIN cmms.order_sync_state IS 'How a work order stands with its provider; see cmms.sync_state.';

CREATE DOMAIN cmms.record_sync_state AS text
  CONSTRAINT record_sync_state_check CHECK (VALUE IN ('local', 'imported', 'pending', 'synchronized', 'accepted', 'retrying',
                                                      'rejected', 'in_doubt', 'held', 'awaiting_approval'));
COMMENT ON DOMAIN cmms.record_sync_state IS 'How an asset, a part or a person stands with its provider; see cmms.sync_state.';

CREATE DOMAIN cmms.part_transaction_kind AS text
  CONSTRAINT part_transaction_kind_check CHECK (VALUE IN ('consumed', 'restocked', 'recounted', 'moved', 'out_of_stock', 'under_minimum'));
COMMENT ON DOMAIN cmms.part_transaction_kind IS 'What happened to the stock of a part: consumed, restocked, recounted or moved; out_of_stock and under_minimum report a level.';

CREATE DOMAIN cmms.change_cause AS text CONSTRAINT change_cause_check CHECK (VALUE IN ('local', 'provider'));
COMMENT ON DOMAIN cmms.change_cause IS 'Where a change was made.';

CREATE DOMAIN cmms.outbox_operation AS text CONSTRAINT outbox_operation_check CHECK (VALUE IN ('create', 'update', 'delete'));
COMMENT ON DOMAIN cmms.outbox_operation IS 'What the provider is asked for.';

CREATE DOMAIN cmms.outbox_state AS text
  CONSTRAINT outbox_state_check CHECK (VALUE IN ('pending', 'in_flight', 'in_doubt', 'held', 'awaiting_approval'));
COMMENT ON DOMAIN cmms.outbox_state IS 'How far a change is on its way; see cmms.outbox.';

CREATE DOMAIN cmms.webhook_outcome AS text
  CONSTRAINT webhook_outcome_check CHECK (VALUE IN ('applied', 'queued', 'unchanged', 'stale', 'duplicate', 'held', 'ignored', 'rejected',
                                                    'malformed', 'too_large', 'failed'));
COMMENT ON DOMAIN cmms.webhook_outcome IS 'What became of a delivery; see cmms.webhook_event.';
