CREATE TABLE dues_exemptions (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  from_month VARCHAR(7) {{ascii}} NOT NULL,
  to_month VARCHAR(7) {{ascii}} NOT NULL,
  amount_fen BIGINT NOT NULL,
  reason_category VARCHAR(16) {{ascii}} NOT NULL,
  approved_by VARCHAR(100) NOT NULL,
  recorded_by VARCHAR(40) {{ascii}} NOT NULL,
  recorded_at BIGINT NOT NULL,
  withdrawn_by VARCHAR(40) {{ascii}} NOT NULL,
  withdrawn_at BIGINT NOT NULL,
  CONSTRAINT dues_exemptions_once UNIQUE (member_id, track, from_month, withdrawn_at),
  CONSTRAINT dues_exemptions_months CHECK (from_month <= to_month),
  CONSTRAINT dues_exemptions_amount CHECK (amount_fen >= 0),
  CONSTRAINT dues_exemptions_member FOREIGN KEY (member_id) REFERENCES members (id)
) {{options}};
