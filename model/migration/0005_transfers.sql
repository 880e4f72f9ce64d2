CREATE TABLE transfers (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  from_unit_id BIGINT NOT NULL,
  to_unit_id BIGINT,
  effective_on {{date}} NOT NULL,
  reason VARCHAR(200) NOT NULL,
  created_by VARCHAR(40) {{ascii}} NOT NULL,
  created_at BIGINT NOT NULL,
  cancelled_by VARCHAR(40) {{ascii}} NOT NULL,
  cancelled_at BIGINT NOT NULL,
  cancel_reason VARCHAR(200) NOT NULL,
  CONSTRAINT transfers_once UNIQUE (member_id, track, effective_on, cancelled_at),
  CONSTRAINT transfers_member FOREIGN KEY (member_id) REFERENCES members (id),
  CONSTRAINT transfers_from FOREIGN KEY (from_unit_id) REFERENCES units (id),
  CONSTRAINT transfers_to FOREIGN KEY (to_unit_id) REFERENCES units (id)
) {{options}};
