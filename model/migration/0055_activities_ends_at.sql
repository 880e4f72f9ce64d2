CREATE INDEX activities_by_ends_at ON activities (ends_at);
