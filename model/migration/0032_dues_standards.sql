CREATE TABLE dues_standards (
  id BIGINT NOT NULL PRIMARY KEY,
  unit_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  category VARCHAR(16) {{ascii}} NOT NULL,
  effective_month VARCHAR(7) {{ascii}} NOT NULL,
  brackets {{text}} NOT NULL,
  cap_fen BIGINT NOT NULL,
  rounding VARCHAR(16) {{ascii}} NOT NULL,
  rule VARCHAR(500) NOT NULL,
  source VARCHAR(300) NOT NULL,
  created_by VARCHAR(40) {{ascii}} NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT dues_standards_once UNIQUE (unit_id, track, category, effective_month),
  CONSTRAINT dues_standards_cap CHECK (cap_fen > 0),
  CONSTRAINT dues_standards_unit FOREIGN KEY (unit_id) REFERENCES units (id)
) {{options}};
