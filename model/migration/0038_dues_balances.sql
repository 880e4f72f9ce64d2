CREATE TABLE dues_balances (
  unit_id BIGINT NOT NULL,
  year INT NOT NULL,
  account VARCHAR(16) {{ascii}} NOT NULL,
  holder VARCHAR(40) {{ascii}} NOT NULL,
  amount_fen BIGINT NOT NULL,
  PRIMARY KEY (unit_id, year, account, holder),
  CONSTRAINT dues_balances_unit FOREIGN KEY (unit_id) REFERENCES units (id)
) {{options}};
