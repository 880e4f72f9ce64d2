CREATE TABLE refresh_tokens (
  id BIGINT NOT NULL PRIMARY KEY,
  session_id BIGINT NOT NULL,
  token_hash CHAR(64) {{ascii}} NOT NULL,
  issued_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  CONSTRAINT refresh_tokens_token UNIQUE (token_hash),
  CONSTRAINT refresh_tokens_session FOREIGN KEY (session_id) REFERENCES sessions (id)
) {{options}};
