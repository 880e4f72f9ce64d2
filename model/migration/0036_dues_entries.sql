CREATE TABLE dues_entries (
  id BIGINT NOT NULL PRIMARY KEY,
  kind VARCHAR(16) {{ascii}} NOT NULL,
  unit_id BIGINT NOT NULL,
  year INT NOT NULL,
  occurred_on {{date}} NOT NULL,
  reason VARCHAR(200) NOT NULL,
  reverses_id BIGINT,
  created_by VARCHAR(40) {{ascii}} NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT dues_entries_reversed_once UNIQUE (reverses_id),
  CONSTRAINT dues_entries_reverses FOREIGN KEY (reverses_id) REFERENCES dues_entries (id),
  CONSTRAINT dues_entries_unit FOREIGN KEY (unit_id) REFERENCES units (id)
  {{key "unit_id, kind, created_at"}}
) {{options}};
