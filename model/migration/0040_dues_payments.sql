CREATE TABLE dues_payments (
  id BIGINT NOT NULL PRIMARY KEY,
  unit_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  method VARCHAR(8) {{ascii}} NOT NULL,
  amount_fen BIGINT NOT NULL,
  voluntary_fen BIGINT NOT NULL,
  advance_fen BIGINT NOT NULL,
  paid_on {{date}} NOT NULL,
  receipt_no VARCHAR(60),
  order_id BIGINT,
  entry_id BIGINT NOT NULL,
  collected_by VARCHAR(40) {{ascii}} NOT NULL,
  created_at BIGINT NOT NULL,
  reversed_id BIGINT NOT NULL,
  reversed_at BIGINT NOT NULL,
  reverse_reason VARCHAR(200) NOT NULL,
  CONSTRAINT dues_payments_receipt UNIQUE (unit_id, receipt_no, reversed_id),
  CONSTRAINT dues_payments_order UNIQUE (order_id),
  CONSTRAINT dues_payments_amount CHECK (amount_fen >= 0 AND voluntary_fen >= 0 AND amount_fen + voluntary_fen > 0),
  CONSTRAINT dues_payments_advance CHECK (advance_fen >= 0 AND advance_fen <= amount_fen),
  CONSTRAINT dues_payments_unit FOREIGN KEY (unit_id) REFERENCES units (id),
  CONSTRAINT dues_payments_member FOREIGN KEY (member_id) REFERENCES members (id),
  CONSTRAINT dues_payments_of FOREIGN KEY (order_id) REFERENCES dues_orders (id),
  CONSTRAINT dues_payments_entry FOREIGN KEY (entry_id) REFERENCES dues_entries (id)
  {{key "unit_id, paid_on"}}
  {{key "member_id, advance_fen"}}
) {{options}};
