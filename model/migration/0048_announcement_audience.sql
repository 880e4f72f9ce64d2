CREATE TABLE announcement_audience (
  announcement_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  PRIMARY KEY (announcement_id, unit_id),
  CONSTRAINT announcement_audience_of FOREIGN KEY (announcement_id) REFERENCES announcements (id),
  CONSTRAINT announcement_audience_unit FOREIGN KEY (unit_id) REFERENCES units (id)
) {{options}};
