CREATE TABLE platform_events (
  id BIGINT NOT NULL PRIMARY KEY,
  event_key VARCHAR(64) {{ascii}} NOT NULL,
  name VARCHAR(64) {{ascii}} NOT NULL,
  openid VARCHAR(64) {{ascii}} NOT NULL,
  reports {{text}} NOT NULL,
  at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  settle_at BIGINT NOT NULL,
  CONSTRAINT platform_events_once UNIQUE (event_key)
  {{key "settle_at"}}
  {{key "received_at"}}
) {{options}};
