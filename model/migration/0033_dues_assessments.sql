CREATE TABLE dues_assessments (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  category VARCHAR(16) {{ascii}} NOT NULL,
  base_sealed VARCHAR(200) {{ascii}} NOT NULL,
  amount_fen BIGINT NOT NULL,
  standard_id BIGINT,
  rate_bp INT NOT NULL,
  keep_league SMALLINT NOT NULL,
  effective_month VARCHAR(7) {{ascii}} NOT NULL,
  reason VARCHAR(200) NOT NULL,
  replaced_id BIGINT NOT NULL,
  approved_by VARCHAR(40) {{ascii}} NOT NULL,
  approved_at BIGINT NOT NULL,
  CONSTRAINT dues_assessments_once UNIQUE (member_id, track, effective_month, replaced_id),
  CONSTRAINT dues_assessments_amount CHECK (amount_fen > 0),
  CONSTRAINT dues_assessments_member FOREIGN KEY (member_id) REFERENCES members (id)
) {{options}};
