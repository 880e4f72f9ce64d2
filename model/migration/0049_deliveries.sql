CREATE TABLE deliveries (
  announcement_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  state VARCHAR(12) {{ascii}} NOT NULL,
  reason VARCHAR(24) {{ascii}} NOT NULL,
  due_at BIGINT NOT NULL,
  attempts SMALLINT NOT NULL,
  msgid VARCHAR(32) {{ascii}} NOT NULL,
  tried_at BIGINT NOT NULL,
  sent_at BIGINT NOT NULL,
  read_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (announcement_id, member_id),
  CONSTRAINT deliveries_of FOREIGN KEY (announcement_id) REFERENCES announcements (id),
  CONSTRAINT deliveries_member FOREIGN KEY (member_id) REFERENCES members (id)
  {{key "member_id, created_at"}}
  {{key "due_at"}}
) {{options}};
