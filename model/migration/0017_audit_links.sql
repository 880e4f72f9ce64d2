CREATE TABLE audit_links (
  id BIGINT NOT NULL PRIMARY KEY,
  event_id BIGINT NOT NULL,
  hash CHAR(64) {{ascii}} NOT NULL,
  CONSTRAINT audit_links_event UNIQUE (event_id),
  CONSTRAINT audit_links_of FOREIGN KEY (event_id) REFERENCES audit_events (id)
) {{options}};
