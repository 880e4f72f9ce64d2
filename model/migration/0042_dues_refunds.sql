CREATE TABLE dues_refunds (
  id BIGINT NOT NULL PRIMARY KEY,
  refund_no VARCHAR(32) {{ascii}} NOT NULL,
  order_id BIGINT NOT NULL,
  amount_fen BIGINT NOT NULL,
  reason VARCHAR(80) NOT NULL,
  state VARCHAR(16) {{ascii}} NOT NULL,
  requested_by VARCHAR(40) {{ascii}} NOT NULL,
  requested_at BIGINT NOT NULL,
  settled_at BIGINT NOT NULL,
  next_look_at BIGINT NOT NULL,
  looks INT NOT NULL,
  entry_id BIGINT NOT NULL,
  CONSTRAINT dues_refunds_no UNIQUE (refund_no),
  CONSTRAINT dues_refunds_amount CHECK (amount_fen > 0),
  CONSTRAINT dues_refunds_order FOREIGN KEY (order_id) REFERENCES dues_orders (id),
  CONSTRAINT dues_refunds_entry FOREIGN KEY (entry_id) REFERENCES dues_entries (id)
  {{key "next_look_at"}}
  {{key "settled_at"}}
) {{options}};
