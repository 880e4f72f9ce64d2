CREATE TABLE settings (
  id BIGINT NOT NULL PRIMARY KEY,
  unit_id BIGINT NOT NULL,
  name VARCHAR(64) {{ascii}} NOT NULL,
  value VARCHAR(200) NOT NULL,
  effective_on {{date}} NOT NULL,
  set_by VARCHAR(40) {{ascii}} NOT NULL,
  set_at BIGINT NOT NULL,
  CONSTRAINT settings_once UNIQUE (unit_id, name, effective_on),
  CONSTRAINT settings_unit FOREIGN KEY (unit_id) REFERENCES units (id)
) {{options}};
