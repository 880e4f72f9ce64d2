CREATE TABLE period_entries (
  version_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  outcome VARCHAR(10) {{ascii}} NOT NULL,
  source VARCHAR(16) {{ascii}} NOT NULL,
  completed_at BIGINT NOT NULL,
  PRIMARY KEY (version_id, member_id),
  CONSTRAINT period_entries_version FOREIGN KEY (version_id) REFERENCES period_versions (id)
) {{options}};
