-- The export as a provider: its columns are fields, its words are mapped, and the line number is the id, because rows repeat legally.

CREATE EXTENSION pg_cmms;
CREATE SCHEMA excavator;

-- Text only: what a date or an amount is, the maps decide.
CREATE TABLE excavator.staging (
  "Line" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "BscStartDate" text,
  "Asset" text,
  "OriginalShorttext" text,
  "PMType" text,
  "Cost" text
);

-- Nothing is ever sent to this server: it is not activated. The log has no status; that its orders are over is our decision.
CREATE SERVER excavator_log FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'https://export.example.com');

SELECT target, source, transform, required FROM cmms.set_field_mapping('excavator_log', '{"work_order": {
  "id": "Line",
  "title": {"source": "OriginalShorttext", "transform": "trim", "required": true},
  "asset_id": {"source": "Asset", "transform": "prefix EXCAVATOR-", "required": true},
  "scheduled_date": {"source": "BscStartDate", "required": true},
  "work_type": {"source": "PMType", "transform": "map order_type"},
  "identifier": {"source": "Line", "transform": "prefix LOG-"},
  "total_cost": "Cost",
  "status": {"default": "closed"}}}') WHERE direction = 'inbound';

-- The names are ours: the file has the codes only.
SELECT cmms.map_value('excavator_log', 'order_type', code, name)
FROM (VALUES ('PM01', 'corrective'), ('PM02', 'preventive'), ('PM04', 'refurbishment'), ('PM05', 'calibration'), ('PM06', 'modification'),
             ('PM13', 'other')) AS m(code, name);
