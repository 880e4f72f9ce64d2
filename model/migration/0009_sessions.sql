CREATE TABLE sessions (
  id BIGINT NOT NULL PRIMARY KEY,
  openid VARCHAR(64) {{ascii}} NOT NULL,
  account_id BIGINT,
  member_id BIGINT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL,
  reason VARCHAR(40) {{ascii}} NOT NULL,
  CONSTRAINT sessions_account FOREIGN KEY (account_id) REFERENCES accounts (id),
  CONSTRAINT sessions_member FOREIGN KEY (member_id) REFERENCES members (id)
  {{key "openid"}}
  {{key "expires_at"}}
) {{options}};
