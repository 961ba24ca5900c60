-- The same text for SQLite and PostgreSQL. Times are milliseconds since 1970.

-- When the batch was final on L1, as the node saw it: written once. L1 itself keeps no such time.
ALTER TABLE proving_jobs ADD COLUMN finished BIGINT;
