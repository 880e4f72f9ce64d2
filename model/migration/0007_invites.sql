CREATE TABLE invites (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  code_hash CHAR(32) {{ascii}} NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  created_by VARCHAR(40) {{ascii}} NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT invites_code UNIQUE (code_hash),
  CONSTRAINT invites_member FOREIGN KEY (member_id) REFERENCES members (id)
) {{options}};
