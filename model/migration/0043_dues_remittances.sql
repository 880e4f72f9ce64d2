CREATE TABLE dues_remittances (
  id BIGINT NOT NULL PRIMARY KEY,
  unit_id BIGINT NOT NULL,
  period VARCHAR(7) {{ascii}} NOT NULL,
  year INT NOT NULL,
  amount_fen BIGINT NOT NULL,
  recipient VARCHAR(100) NOT NULL,
  to_unit_id BIGINT,
  heads INT NOT NULL,
  paid_on {{date}} NOT NULL,
  receipt_no VARCHAR(60),
  entry_id BIGINT NOT NULL,
  created_by VARCHAR(40) {{ascii}} NOT NULL,
  created_at BIGINT NOT NULL,
  reversed_id BIGINT NOT NULL,
  reversed_at BIGINT NOT NULL,
  reverse_reason VARCHAR(200) NOT NULL,
  CONSTRAINT dues_remittances_receipt UNIQUE (unit_id, receipt_no, reversed_id),
  CONSTRAINT dues_remittances_amount CHECK (amount_fen > 0),
  CONSTRAINT dues_remittances_unit FOREIGN KEY (unit_id) REFERENCES units (id),
  CONSTRAINT dues_remittances_to FOREIGN KEY (to_unit_id) REFERENCES units (id),
  CONSTRAINT dues_remittances_entry FOREIGN KEY (entry_id) REFERENCES dues_entries (id)
  {{key "unit_id, year"}}
) {{options}};
