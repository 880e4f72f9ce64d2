CREATE TABLE calendar_days (
  day {{date}} NOT NULL PRIMARY KEY,
  kind VARCHAR(16) {{ascii}} NOT NULL,
  festival VARCHAR(32) {{ascii}} NOT NULL,
  set_by VARCHAR(40) {{ascii}} NOT NULL,
  set_at BIGINT NOT NULL
) {{options}};
