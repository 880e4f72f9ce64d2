CREATE TABLE period_activities (
  activity_id BIGINT NOT NULL PRIMARY KEY,
  period_id BIGINT NOT NULL,
  CONSTRAINT period_activities_activity FOREIGN KEY (activity_id) REFERENCES activities (id),
  CONSTRAINT period_activities_period FOREIGN KEY (period_id) REFERENCES study_periods (id)
  {{key "period_id"}}
) {{options}};
