CREATE TABLE leaves (
  id BIGINT NOT NULL PRIMARY KEY,
  activity_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  reason_category VARCHAR(16) {{ascii}} NOT NULL,
  note VARCHAR(200) NOT NULL,
  state VARCHAR(16) {{ascii}} NOT NULL,
  requested_at BIGINT NOT NULL,
  decided_by VARCHAR(40) {{ascii}} NOT NULL,
  decided_at BIGINT NOT NULL,
  decision_note VARCHAR(200) NOT NULL,
  CONSTRAINT leaves_once UNIQUE (activity_id, member_id),
  CONSTRAINT leaves_activity FOREIGN KEY (activity_id) REFERENCES activities (id),
  CONSTRAINT leaves_member FOREIGN KEY (member_id) REFERENCES members (id)
  {{key "member_id"}}
) {{options}};
