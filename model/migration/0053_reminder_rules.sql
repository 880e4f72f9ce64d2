CREATE TABLE reminder_rules (
  unit_id BIGINT NOT NULL,
  rule VARCHAR(32) {{ascii}} NOT NULL,
  is_on SMALLINT NOT NULL,
  set_by VARCHAR(40) {{ascii}} NOT NULL,
  set_at BIGINT NOT NULL,
  PRIMARY KEY (unit_id, rule),
  CONSTRAINT reminder_rules_unit FOREIGN KEY (unit_id) REFERENCES units (id)
) {{options}};
