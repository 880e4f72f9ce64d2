CREATE TABLE bindings (
  id BIGINT NOT NULL PRIMARY KEY,
  openid VARCHAR(64) {{ascii}} NOT NULL,
  member_id BIGINT NOT NULL,
  method VARCHAR(16) {{ascii}} NOT NULL,
  bound_at BIGINT NOT NULL,
  unbound_at BIGINT NOT NULL,
  unbound_by VARCHAR(40) {{ascii}} NOT NULL,
  unbound_reason VARCHAR(200) NOT NULL,
  CONSTRAINT bindings_openid UNIQUE (openid, unbound_at),
  CONSTRAINT bindings_member UNIQUE (member_id, unbound_at),
  CONSTRAINT bindings_of FOREIGN KEY (member_id) REFERENCES members (id)
) {{options}};
