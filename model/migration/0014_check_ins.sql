CREATE TABLE check_ins (
  id BIGINT NOT NULL PRIMARY KEY,
  activity_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  state VARCHAR(8) {{ascii}} NOT NULL,
  source VARCHAR(16) {{ascii}} NOT NULL,
  checked_in_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  recorded_by VARCHAR(40) {{ascii}} NOT NULL,
  reason VARCHAR(200) NOT NULL,
  nonce VARCHAR(64) NOT NULL,
  CONSTRAINT check_ins_once UNIQUE (activity_id, member_id),
  CONSTRAINT check_ins_activity FOREIGN KEY (activity_id) REFERENCES activities (id),
  CONSTRAINT check_ins_member FOREIGN KEY (member_id) REFERENCES members (id)
  {{key "member_id, checked_in_at"}}
) {{options}};
