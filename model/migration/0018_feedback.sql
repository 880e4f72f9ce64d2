CREATE TABLE feedback (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT,
  account_id BIGINT,
  kind VARCHAR(16) {{ascii}} NOT NULL,
  body VARCHAR(2000) NOT NULL,
  created_at BIGINT NOT NULL,
  reply VARCHAR(2000) NOT NULL,
  replied_by VARCHAR(40) {{ascii}} NOT NULL,
  replied_at BIGINT NOT NULL,
  CONSTRAINT feedback_member FOREIGN KEY (member_id) REFERENCES members (id),
  CONSTRAINT feedback_account FOREIGN KEY (account_id) REFERENCES accounts (id)
) {{options}};
