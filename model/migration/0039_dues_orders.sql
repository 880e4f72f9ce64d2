CREATE TABLE dues_orders (
  id BIGINT NOT NULL PRIMARY KEY,
  order_no VARCHAR(32) {{ascii}} NOT NULL,
  unit_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  months VARCHAR(200) {{ascii}} NOT NULL,
  amount_fen BIGINT NOT NULL,
  voluntary_fen BIGINT NOT NULL,
  description VARCHAR(120) NOT NULL,
  state VARCHAR(16) {{ascii}} NOT NULL,
  pay_params VARCHAR(1000) {{ascii}} NOT NULL,
  transaction_id VARCHAR(64) {{ascii}},
  refunded_fen BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  paid_at BIGINT NOT NULL,
  next_look_at BIGINT NOT NULL,
  looks INT NOT NULL,
  closed_id BIGINT NOT NULL,
  CONSTRAINT dues_orders_no UNIQUE (order_no),
  CONSTRAINT dues_orders_transaction UNIQUE (transaction_id),
  CONSTRAINT dues_orders_open_once UNIQUE (member_id, track, closed_id),
  CONSTRAINT dues_orders_amount CHECK (amount_fen + voluntary_fen > 0 AND refunded_fen >= 0 AND refunded_fen <= amount_fen + voluntary_fen),
  CONSTRAINT dues_orders_unit FOREIGN KEY (unit_id) REFERENCES units (id),
  CONSTRAINT dues_orders_member FOREIGN KEY (member_id) REFERENCES members (id)
  {{key "next_look_at"}}
  {{key "paid_at"}}
) {{options}};
