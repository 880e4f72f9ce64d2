CREATE TABLE exemptions (
  id BIGINT NOT NULL PRIMARY KEY,
  period_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  reason_category VARCHAR(16) {{ascii}} NOT NULL,
  note VARCHAR(200) NOT NULL,
  approved_by VARCHAR(40) {{ascii}} NOT NULL,
  approved_at BIGINT NOT NULL,
  CONSTRAINT exemptions_once UNIQUE (period_id, member_id),
  CONSTRAINT exemptions_period FOREIGN KEY (period_id) REFERENCES study_periods (id),
  CONSTRAINT exemptions_member FOREIGN KEY (member_id) REFERENCES members (id)
  {{key "member_id"}}
) {{options}};
