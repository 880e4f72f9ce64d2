CREATE TABLE units (
  id BIGINT NOT NULL PRIMARY KEY,
  parent_id BIGINT,
  kind VARCHAR(32) {{ascii}} NOT NULL,
  name VARCHAR(100) NOT NULL,
  code VARCHAR(32) NOT NULL,
  path VARCHAR(255) {{ascii}} NOT NULL,
  founded_on {{date}} NOT NULL,
  closed_on {{date}} NOT NULL,
  closed_reason VARCHAR(200) NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT units_path UNIQUE (path),
  CONSTRAINT units_name UNIQUE (parent_id, name, closed_on),
  CONSTRAINT units_parent FOREIGN KEY (parent_id) REFERENCES units (id)
) {{options}};
