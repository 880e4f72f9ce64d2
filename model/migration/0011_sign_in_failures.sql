CREATE TABLE sign_in_failures (
  id BIGINT NOT NULL PRIMARY KEY,
  subject CHAR(32) {{ascii}} NOT NULL,
  at BIGINT NOT NULL
  {{key "subject, at"}}
  {{key "at"}}
) {{options}};
