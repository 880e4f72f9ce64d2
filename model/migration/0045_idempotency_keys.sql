CREATE TABLE idempotency_keys (
  actor VARCHAR(40) {{ascii}} NOT NULL,
  operation VARCHAR(40) {{ascii}} NOT NULL,
  name VARCHAR(100) {{ascii}} NOT NULL,
  digest VARCHAR(64) {{ascii}} NOT NULL,
  subject_id BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (actor, operation, name)
) {{options}};
