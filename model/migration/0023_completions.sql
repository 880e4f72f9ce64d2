CREATE TABLE completions (
  id BIGINT NOT NULL PRIMARY KEY,
  period_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  source VARCHAR(16) {{ascii}} NOT NULL,
  completed_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  recorded_by VARCHAR(40) {{ascii}} NOT NULL,
  reason VARCHAR(200) NOT NULL,
  CONSTRAINT completions_once UNIQUE (period_id, member_id),
  CONSTRAINT completions_period FOREIGN KEY (period_id) REFERENCES study_periods (id),
  CONSTRAINT completions_member FOREIGN KEY (member_id) REFERENCES members (id)
  {{key "member_id, completed_at"}}
) {{options}};
