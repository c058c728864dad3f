-- What the search index must look at again. Written in the transaction of the change itself.
-- Readers go by (txid, seq) and stop before the oldest transaction still running: sequence numbers alone
-- may commit out of order, and a reader that went by them would step over a late one for ever.
CREATE TABLE change_feed (
    seq             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    txid            BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    subject_type    TEXT NOT NULL CHECK (subject_type IN ('listing', 'organization')),
    subject_id      UUID NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX change_feed_order_idx ON change_feed (txid, seq);

-- The newest feed row that was pruned: an index that has not got so far must be rebuilt.
CREATE TABLE change_feed_horizon (
    singleton   BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (singleton),
    txid        BIGINT NOT NULL DEFAULT 0
);
INSERT INTO change_feed_horizon DEFAULT VALUES;

-- Recurring work. One row a kind, so two instances never do the same work at once.
CREATE TABLE jobs (
    kind            TEXT PRIMARY KEY,
    run_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    locked_until    TIMESTAMPTZ,
    attempts        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    last_run_at     TIMESTAMPTZ
);
