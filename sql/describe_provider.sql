-- What a provider type takes and can do.
SELECT kind, resource, count(*) AS rows FROM cmms.describe_provider('clickmaint') WHERE kind <> 'option' GROUP BY kind, resource ORDER BY kind;
SELECT name, required, default_value, allowed FROM cmms.describe_provider('clickmaint')
WHERE kind IN ('option', 'credential') AND name IN ('base_url', 'entity_id', 'page_size', 'update_method', 'api_key');
SELECT kind, name, description FROM cmms.describe_provider('clickmaint') WHERE kind IN ('authentication', 'resource', 'action');
SELECT kind, name, required, default_value, allowed, description FROM cmms.describe_provider('clickmaint')
WHERE kind IN ('parameter', 'field') AND name IN ('title', 'type', 'priority', 'common_status');
SELECT name, description FROM cmms.describe_provider('custom') WHERE kind = 'event';
SELECT * FROM raised($$SELECT * FROM cmms.describe_provider('nothing')$$);
-- Every option and credential of the shipped types is explained.
SELECT t.provider_type, d.name FROM cmms.provider_type t, cmms.describe_provider(t.provider_type) d
WHERE d.kind IN ('option', 'credential') AND d.description IS NULL;
