CREATE TABLE members (
  id BIGINT NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  name_key VARCHAR(100) NOT NULL,
  name_sort VARCHAR(200) NOT NULL,
  gender VARCHAR(8) {{ascii}} NOT NULL,
  ethnicity VARCHAR(20) NOT NULL,
  birth_date {{date}} NOT NULL,
  education VARCHAR(40) NOT NULL,
  job_title VARCHAR(100) NOT NULL,
  phone_sealed VARCHAR(255) {{ascii}} NOT NULL,
  phone_hash CHAR(32) {{ascii}},
  id_number_sealed VARCHAR(255) {{ascii}} NOT NULL,
  id_number_hash CHAR(32) {{ascii}},
  note VARCHAR(500) NOT NULL,
  erased_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT members_id_number UNIQUE (id_number_hash),
  CONSTRAINT members_phone UNIQUE (phone_hash, name_key)
  {{key "name_key"}}
) {{options}};
