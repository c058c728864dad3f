-- Answers to requests that carried an Idempotency-Key, kept for a day, so that a repetition gets the same answer and does nothing.
CREATE TABLE idempotency_keys (
    account_id      UUID NOT NULL REFERENCES accounts (id),
    key             TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- SHA-256 over method, address and body: the same key with another request is a mistake of the client's.
    fingerprint     BYTEA NOT NULL CHECK (length(fingerprint) = 32),
    -- The attempt that works on it, as the audit log names it: whether it took effect can be looked up there.
    request_id      TEXT NOT NULL,
    -- Until when the attempt is believed to be alive; no longer of interest once there is an answer.
    locked_until    TIMESTAMPTZ NOT NULL,
    status          SMALLINT,
    headers         JSONB,
    body            BYTEA,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key),
    CONSTRAINT idempotency_keys_answer_check CHECK ((status IS NULL) = (body IS NULL) AND (status IS NULL) = (headers IS NULL))
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);
