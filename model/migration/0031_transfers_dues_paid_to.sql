ALTER TABLE transfers ADD COLUMN dues_paid_to VARCHAR(7) {{ascii}} DEFAULT '' NOT NULL;
