CREATE TABLE dues_allocations (
  id BIGINT NOT NULL PRIMARY KEY,
  payment_id BIGINT NOT NULL,
  bill_id BIGINT NOT NULL,
  entry_id BIGINT NOT NULL,
  amount_fen BIGINT NOT NULL,
  CONSTRAINT dues_allocations_amount CHECK (amount_fen <> 0),
  CONSTRAINT dues_allocations_payment FOREIGN KEY (payment_id) REFERENCES dues_payments (id),
  CONSTRAINT dues_allocations_bill FOREIGN KEY (bill_id) REFERENCES dues_bills (id),
  CONSTRAINT dues_allocations_entry FOREIGN KEY (entry_id) REFERENCES dues_entries (id)
  {{key "payment_id"}}
  {{key "bill_id"}}
) {{options}};
