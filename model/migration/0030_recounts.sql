CREATE TABLE recounts (
  period_id BIGINT NOT NULL PRIMARY KEY,
  turn BIGINT NOT NULL,
  counted_on {{date}} NOT NULL,
  counted_at BIGINT NOT NULL,
  marks BIGINT NOT NULL,
  CONSTRAINT recounts_period FOREIGN KEY (period_id) REFERENCES study_periods (id)
) {{options}};
