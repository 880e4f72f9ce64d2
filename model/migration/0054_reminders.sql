CREATE TABLE reminders (
  cause VARCHAR(100) {{ascii}} NOT NULL PRIMARY KEY,
  fired_at BIGINT NOT NULL
  {{key "fired_at"}}
) {{options}};
