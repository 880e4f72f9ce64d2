CREATE TABLE memberships (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  unit_id BIGINT NOT NULL,
  track VARCHAR(8) {{ascii}} NOT NULL,
  kind VARCHAR(16) {{ascii}} NOT NULL,
  state VARCHAR(16) {{ascii}} NOT NULL,
  category VARCHAR(16) {{ascii}} NOT NULL,
  hardship SMALLINT NOT NULL,
  joined_on {{date}} NOT NULL,
  confirmed_on {{date}} NOT NULL,
  started_on {{date}} NOT NULL,
  ended_on {{date}} NOT NULL,
  end_reason VARCHAR(200) NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT memberships_episode UNIQUE (member_id, track, ended_on),
  CONSTRAINT memberships_start UNIQUE (member_id, track, started_on),
  CONSTRAINT memberships_length CHECK (started_on < ended_on),
  CONSTRAINT memberships_member FOREIGN KEY (member_id) REFERENCES members (id),
  CONSTRAINT memberships_unit FOREIGN KEY (unit_id) REFERENCES units (id)
  {{key "unit_id, ended_on"}}
) {{options}};
