-- Comments and attachments.
BEGIN;
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES ('00000000-0000-0000-0000-00000000000a', 'plant_a', 'Pump');
DELETE FROM cmms.event;
DELETE FROM cmms.outbox;
SELECT cmms.comment('00000000-0000-0000-0000-00000000000a', 'smells of oil') > 0 AS numbered;
SELECT cmms.comment('00000000-0000-0000-0000-00000000000a', 'oil changed', author => 'Ada Byron') > 0 AS numbered;
SELECT tenant_id, author = session_user AS by_me, author = 'Ada Byron' AS by_ada, added_by = session_user AS added_by_me, body, reason_for, sync_state
FROM cmms.comment ORDER BY comment_id;
SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'leak.jpg', 'image/jpeg', content => '\xffd8ff') > 0 AS numbered;
SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'manual.pdf', 'application/pdf', url => 'https://files.example.com/manual.pdf') > 0 AS numbered;
SELECT tenant_id, file_name, media_type, url, content, encode(content_sha256, 'hex') AS sha256, sync_state FROM cmms.attachment ORDER BY attachment_id;
SELECT event_type, detail - 'comment_id' - 'attachment_id' AS detail FROM cmms.event ORDER BY event_id;
-- They stay here.
SELECT (SELECT count(*) FROM cmms.outbox) AS queued, (SELECT sync_state FROM cmms.work_order) AS sync_state;

-- Bad input.
SELECT state, message FROM raised($$SELECT cmms.comment('00000000-0000-0000-0000-00000000000a', '  ')$$);
SELECT state, message FROM raised($$SELECT cmms.comment('00000000-0000-0000-0000-00000000000a', NULL)$$);
SELECT state FROM raised($$SELECT cmms.comment('00000000-0000-0000-0000-00000000000a', repeat('x', 100001))$$);
SELECT state, message, hint FROM raised($$SELECT cmms.comment('00000000-0000-0000-0000-00000000000b', 'x')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000b', 'a', 'text/plain', content => 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'a', 'text/plain')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'a', 'text/plain', url => 'http://x', content => 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', '../etc/passwd', 'text/plain', content => 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', E'a\nb', 'text/plain', content => 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', '..', 'text/plain', content => 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'a', 'text', content => 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', NULL, 'text/plain', content => 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'a', 'text/plain', content => '')$$);
SELECT state, message FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'a', 'text/plain', url => 'file:///etc/passwd')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.attach('00000000-0000-0000-0000-00000000000a', 'a', 'text/plain', content => convert_to(repeat('x', 67108865), 'UTF8'))$$);
SELECT (SELECT count(*) FROM cmms.comment) AS comments, (SELECT count(*) FROM cmms.attachment) AS attachments;

-- They go with their order.
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES ('00000000-0000-0000-0000-00000000000c', 'plant_a', 'Fan');
SELECT cmms.comment('00000000-0000-0000-0000-00000000000c', 'of another order') > 0 AS numbered;
DELETE FROM cmms.work_order WHERE title = 'Pump';
SELECT (SELECT string_agg(body, ', ') FROM cmms.comment) AS comments, (SELECT count(*) FROM cmms.attachment) AS attachments;
ROLLBACK;
