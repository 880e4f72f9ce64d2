CREATE TABLE consents (
  id BIGINT NOT NULL PRIMARY KEY,
  openid VARCHAR(64) {{ascii}} NOT NULL,
  template_id VARCHAR(64) {{ascii}} NOT NULL,
  serial BIGINT NOT NULL,
  long_term SMALLINT NOT NULL,
  state VARCHAR(12) {{ascii}} NOT NULL,
  request_id VARCHAR(64),
  event_key VARCHAR(64) {{ascii}},
  announcement_id BIGINT NOT NULL,
  accepted_at BIGINT NOT NULL,
  settled_at BIGINT NOT NULL,
  CONSTRAINT consents_serial UNIQUE (openid, template_id, serial),
  CONSTRAINT consents_request UNIQUE (openid, template_id, request_id),
  CONSTRAINT consents_event UNIQUE (openid, template_id, event_key)
) {{options}};
