CREATE TABLE period_versions (
  id BIGINT NOT NULL PRIMARY KEY,
  period_id BIGINT NOT NULL,
  number INT NOT NULL,
  cutoff_at BIGINT NOT NULL,
  threshold_bp INT NOT NULL,
  min_days INT NOT NULL,
  decide_on VARCHAR(8) {{ascii}} NOT NULL,
  due INT NOT NULL,
  exempt INT NOT NULL,
  completed INT NOT NULL,
  reason VARCHAR(200) NOT NULL,
  frozen_at BIGINT NOT NULL,
  frozen_by VARCHAR(40) {{ascii}} NOT NULL,
  hash CHAR(64) {{ascii}} NOT NULL,
  CONSTRAINT period_versions_number UNIQUE (period_id, number),
  CONSTRAINT period_versions_period FOREIGN KEY (period_id) REFERENCES study_periods (id)
) {{options}};
