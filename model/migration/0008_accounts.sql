CREATE TABLE accounts (
  id BIGINT NOT NULL PRIMARY KEY,
  username VARCHAR(64) NOT NULL,
  password_hash VARCHAR(100) {{ascii}} NOT NULL,
  unit_id BIGINT,
  member_id BIGINT,
  created_at BIGINT NOT NULL,
  disabled_at BIGINT NOT NULL,
  CONSTRAINT accounts_username UNIQUE (username),
  CONSTRAINT accounts_unit FOREIGN KEY (unit_id) REFERENCES units (id),
  CONSTRAINT accounts_member FOREIGN KEY (member_id) REFERENCES members (id)
) {{options}};
