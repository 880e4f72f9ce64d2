CREATE TABLE period_audience (
  period_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  PRIMARY KEY (period_id, unit_id),
  CONSTRAINT period_audience_period FOREIGN KEY (period_id) REFERENCES study_periods (id),
  CONSTRAINT period_audience_unit FOREIGN KEY (unit_id) REFERENCES units (id)
  {{key "unit_id"}}
) {{options}};
