CREATE TABLE activity_audience (
  activity_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  PRIMARY KEY (activity_id, unit_id),
  CONSTRAINT activity_audience_activity FOREIGN KEY (activity_id) REFERENCES activities (id),
  CONSTRAINT activity_audience_unit FOREIGN KEY (unit_id) REFERENCES units (id)
  {{key "unit_id"}}
) {{options}};
