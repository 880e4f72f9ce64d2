CREATE TABLE tallies (
  period_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  shard INT NOT NULL,
  exempt INT NOT NULL,
  completed INT NOT NULL,
  late INT NOT NULL,
  PRIMARY KEY (period_id, unit_id, shard),
  CONSTRAINT tallies_period FOREIGN KEY (period_id) REFERENCES study_periods (id)
) {{options}};
