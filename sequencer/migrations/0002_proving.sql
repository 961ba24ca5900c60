-- The same text for SQLite and PostgreSQL. Times are milliseconds since 1970.

-- One row a batch: what is to be proven, who is at it, and the proof.
CREATE TABLE proving_jobs (
    batch BIGINT PRIMARY KEY CHECK (batch > 0),
    -- Name of the witness in the witness store.
    witness TEXT NOT NULL,
    queued BIGINT NOT NULL,
    -- Times that somebody claimed it: the claim's fencing token.
    attempt BIGINT NOT NULL CHECK (attempt >= 0),
    -- Attempts that came to nothing: given up, or never heard of again.
    failures BIGINT NOT NULL CHECK (failures >= 0),
    -- Nobody claims it before this time.
    opens BIGINT NOT NULL,
    -- Who claimed it last, when, and until when it is theirs. A lease of 0 is over.
    worker TEXT,
    claimed BIGINT,
    lease BIGINT NOT NULL,
    -- Why the last attempt came to nothing.
    reason TEXT,
    -- Written once.
    proof BYTEA,
    proven BIGINT,
    prover TEXT,
    CHECK ((proof IS NULL) = (proven IS NULL)),
    CHECK ((proof IS NULL) = (prover IS NULL))
);
