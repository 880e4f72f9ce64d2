CREATE TABLE dues_lines (
  entry_id BIGINT NOT NULL,
  position INT NOT NULL,
  unit_id BIGINT NOT NULL,
  account VARCHAR(16) {{ascii}} NOT NULL,
  holder VARCHAR(40) {{ascii}} NOT NULL,
  amount_fen BIGINT NOT NULL,
  PRIMARY KEY (entry_id, position),
  CONSTRAINT dues_lines_amount CHECK (amount_fen <> 0),
  CONSTRAINT dues_lines_entry FOREIGN KEY (entry_id) REFERENCES dues_entries (id),
  CONSTRAINT dues_lines_unit FOREIGN KEY (unit_id) REFERENCES units (id)
) {{options}};
