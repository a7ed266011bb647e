-- Foreign servers and user mappings: what the validator accepts, refuses and says.
-- A server: the type first, then the options of that type.
SELECT state, message, detail, hint FROM raised($$CREATE SERVER s FOREIGN DATA WRAPPER cmms$$);
SELECT state, message, hint FROM raised($$CREATE SERVER s FOREIGN DATA WRAPPER cmms OPTIONS (type 'nope')$$);
SELECT state, message, hint LIKE 'Valid options: %base_url%entity_id%' AS listed FROM raised($$CREATE SERVER s FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', bas_url 'http://127.0.0.1:9')$$);
SELECT state, message FROM raised($$CREATE SERVER s FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9')$$);
SELECT state, message, detail FROM raised($$CREATE SERVER s FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'ftp://127.0.0.1', entity_id '12')$$);
SELECT state, message, detail FROM raised($$CREATE SERVER s FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9', entity_id 'twelve')$$);
SELECT state, message, detail FROM raised($$ALTER SERVER plant_a OPTIONS (DROP entity_id)$$);
SELECT state, message, detail FROM raised($$ALTER SERVER plant_a OPTIONS (SET base_url 'https://user:password@127.0.0.1')$$);

-- Secrets have no place in a server, which everybody may read.
SELECT state, message, hint FROM raised($$ALTER SERVER plant_a OPTIONS (ADD api_key 'secret')$$);
SELECT state, message, hint FROM raised($$ALTER SERVER plant_a OPTIONS (ADD api_key_file '/etc/secret')$$);

-- User mappings: PostgreSQL does not say for which server, so the credentials of all types are known.
CREATE SERVER s FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9', entity_id '12');
SELECT state, message, hint LIKE 'Valid options: %api_key, api_key_file%' AS listed FROM raised($$CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (apikey 'secret')$$);
SELECT state, message FROM raised($$CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (api_key 'secret', api_key_file '/etc/secret')$$);
SELECT state, message FROM raised($$CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (api_key_file 'secret')$$);
SELECT state, message, detail FROM raised(E'CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (api_key E\'two\nlines\')');
SELECT state, message, hint FROM raised($$CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (webhook_secret 'letmein')$$);
SELECT state, message FROM raised($$CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (webhook_secret 'whsec_c2VjcmV0 whsec_old')$$);
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (api_key_file '/etc/pg_cmms/key', webhook_secret 'whsec_c2VjcmV0');

-- Files of the server may be named by those who may read them only.
CREATE ROLE regress_cmms_connector;
GRANT USAGE ON FOREIGN DATA WRAPPER cmms TO regress_cmms_connector;
SET ROLE regress_cmms_connector;
CREATE SERVER t FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9', entity_id '12', ca_file '/etc/ca.pem');
CREATE SERVER t FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9', entity_id '12');
CREATE USER MAPPING FOR PUBLIC SERVER t OPTIONS (api_key_file '/etc/pg_cmms/key');
CREATE USER MAPPING FOR PUBLIC SERVER t OPTIONS (api_key 'secret');
RESET ROLE;
GRANT pg_read_server_files TO regress_cmms_connector;
SET ROLE regress_cmms_connector;
ALTER USER MAPPING FOR PUBLIC SERVER t OPTIONS (DROP api_key, ADD api_key_file '/etc/pg_cmms/key');
RESET ROLE;
DROP SERVER s CASCADE;
DROP SERVER t CASCADE;
DROP OWNED BY regress_cmms_connector;
DROP ROLE regress_cmms_connector;

-- A dump creates servers before it fills cmms.provider_type: a type of one's own is not known yet.
BEGIN;
SET LOCAL check_function_bodies = off;
CREATE SERVER restored FOREIGN DATA WRAPPER cmms OPTIONS (type 'own', base_url 'http://127.0.0.1:9', own_option '1');
CREATE USER MAPPING FOR PUBLIC SERVER restored OPTIONS (own_credential 'secret');
SELECT state, message FROM raised($$CREATE SERVER s FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint')$$);
ROLLBACK;

-- There are no foreign tables, and the wrapper itself has no options.
SELECT state, message, hint FROM raised($$CREATE FOREIGN TABLE orders (id integer) SERVER plant_a$$);
SELECT state, message FROM raised($$IMPORT FOREIGN SCHEMA orders FROM SERVER plant_a INTO public$$);
SELECT state, message, hint FROM raised($$ALTER FOREIGN DATA WRAPPER cmms OPTIONS (ADD type 'clickmaint')$$);
-- Not even where an ALTER left out the validator.
BEGIN;
ALTER FOREIGN DATA WRAPPER cmms NO VALIDATOR;
CREATE FOREIGN TABLE orders (id integer) SERVER plant_a;
SELECT state, message, hint FROM raised($$SELECT * FROM orders$$);
SELECT state, message FROM raised($$INSERT INTO orders VALUES (1)$$);
ROLLBACK;
