CREATE TABLE audit_events (
  id BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  actor VARCHAR(40) {{ascii}} NOT NULL,
  action VARCHAR(40) {{ascii}} NOT NULL,
  unit_id BIGINT,
  unit_path VARCHAR(255) {{ascii}} NOT NULL,
  subject_id BIGINT NOT NULL,
  state_before TEXT NOT NULL,
  state_after TEXT NOT NULL,
  request_id VARCHAR(64) {{ascii}} NOT NULL
  {{key "at, id"}}
) {{options}};
