CREATE TABLE flights (
  openid VARCHAR(64) {{ascii}} NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  announcement_id BIGINT NOT NULL,
  claim_id BIGINT NOT NULL,
  claimed_at BIGINT NOT NULL,
  lost_at BIGINT NOT NULL
  {{key "claim_id"}}
) {{options}};
