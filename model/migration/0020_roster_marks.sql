CREATE TABLE roster_marks (
  id BIGINT NOT NULL PRIMARY KEY,
  unit_id BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
) {{options}};
