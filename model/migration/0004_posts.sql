CREATE TABLE posts (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  title VARCHAR(32) {{ascii}} NOT NULL,
  started_on {{date}} NOT NULL,
  term_ends_on {{date}} NOT NULL,
  ended_on {{date}} NOT NULL,
  ended BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT posts_once UNIQUE (member_id, unit_id, title, ended),
  CONSTRAINT posts_length CHECK (started_on <= ended_on),
  CONSTRAINT posts_member FOREIGN KEY (member_id) REFERENCES members (id),
  CONSTRAINT posts_unit FOREIGN KEY (unit_id) REFERENCES units (id)
  {{key "unit_id, ended_on"}}
) {{options}};
