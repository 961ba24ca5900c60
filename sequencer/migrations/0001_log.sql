-- The same text for SQLite and PostgreSQL. SQLite takes any name for a type and keeps bytes as bytes.

-- What the log goes on from: one row, written once.
CREATE TABLE log_base (
    one SMALLINT PRIMARY KEY CHECK (one = 1),
    deployment BYTEA NOT NULL CHECK (length(deployment) = 32),
    position BIGINT NOT NULL CHECK (position >= 0),
    root BYTEA NOT NULL CHECK (length(root) = 32),
    ledger BYTEA NOT NULL CHECK (length(ledger) = 32),
    markets BYTEA NOT NULL CHECK (length(markets) = 32)
);

-- One row an entry, appended and never changed. The primary key is also what keeps two writers apart: the second one to take a
-- position fails.
CREATE TABLE log (
    position BIGINT PRIMARY KEY CHECK (position > 0),
    time BIGINT NOT NULL CHECK (time >= 0),
    kind SMALLINT NOT NULL,
    body BYTEA NOT NULL,
    root BYTEA NOT NULL CHECK (length(root) = 32),
    seal BYTEA NOT NULL CHECK (length(seal) = 32),
    -- Orders and commands: what makes two submissions the same.
    submission BYTEA UNIQUE CHECK (submission IS NULL OR length(submission) = 32)
);
