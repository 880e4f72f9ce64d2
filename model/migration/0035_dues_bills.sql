CREATE TABLE dues_bills (
  id BIGINT NOT NULL PRIMARY KEY,
  unit_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  month VARCHAR(7) {{ascii}} NOT NULL,
  due_on {{date}} NOT NULL,
  assessed_fen BIGINT NOT NULL,
  amount_fen BIGINT NOT NULL,
  paid_fen BIGINT NOT NULL,
  assessment_id BIGINT NOT NULL,
  exemption_id BIGINT,
  created_at BIGINT NOT NULL,
  voided_id BIGINT NOT NULL,
  voided_at BIGINT NOT NULL,
  void_reason VARCHAR(200) NOT NULL,
  CONSTRAINT dues_bills_once UNIQUE (member_id, track, month, voided_id),
  CONSTRAINT dues_bills_paid CHECK (paid_fen >= 0 AND paid_fen <= amount_fen),
  CONSTRAINT dues_bills_unit FOREIGN KEY (unit_id) REFERENCES units (id),
  CONSTRAINT dues_bills_member FOREIGN KEY (member_id) REFERENCES members (id),
  CONSTRAINT dues_bills_assessment FOREIGN KEY (assessment_id) REFERENCES dues_assessments (id),
  CONSTRAINT dues_bills_exemption FOREIGN KEY (exemption_id) REFERENCES dues_exemptions (id)
  {{key "unit_id, voided_id, month, amount_fen, paid_fen, due_on"}}
) {{options}};
