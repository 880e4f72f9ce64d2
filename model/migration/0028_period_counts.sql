CREATE TABLE period_counts (
  period_id BIGINT NOT NULL,
  version INT NOT NULL,
  unit_id BIGINT NOT NULL,
  position INT NOT NULL,
  last_position INT NOT NULL,
  depth INT NOT NULL,
  path VARCHAR(255) {{ascii}} NOT NULL,
  kind VARCHAR(32) {{ascii}} NOT NULL,
  name VARCHAR(100) NOT NULL,
  due INT NOT NULL,
  exempt INT NOT NULL,
  completed INT NOT NULL,
  late INT NOT NULL,
  PRIMARY KEY (period_id, version, unit_id),
  CONSTRAINT period_counts_period FOREIGN KEY (period_id) REFERENCES study_periods (id)
  {{key "period_id, version, position"}}
  {{key "period_id, version, depth, position"}}
) {{options}};
