CREATE TABLE dues_reconciliations (
  id BIGINT NOT NULL PRIMARY KEY,
  day {{date}} NOT NULL,
  matched INT NOT NULL,
  differences {{text}} NOT NULL,
  created_by VARCHAR(40) {{ascii}} NOT NULL,
  created_at BIGINT NOT NULL
  {{key "day"}}
) {{options}};
