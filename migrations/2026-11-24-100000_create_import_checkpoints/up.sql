-- How far an import has come, written in the transaction of each batch: whatever ends an import, it goes on where it stopped.
CREATE TABLE import_checkpoints (
    organization_id UUID NOT NULL REFERENCES organizations (id),
    -- The absolute path of the file as the importing machine knows it.
    source          TEXT NOT NULL,
    -- Rows read so far, good and bad, and the digest of all that was read: another file under the same name is noticed.
    rows_read       BIGINT NOT NULL,
    digest          BYTEA NOT NULL CHECK (length(digest) = 32),
    new_rows        BIGINT NOT NULL,
    known_rows      BIGINT NOT NULL,
    bad_rows        BIGINT NOT NULL,
    -- The file of rejected rows and how long it was: what stands behind is written again.
    rejects         TEXT NOT NULL,
    rejects_bytes   BIGINT NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, source)
);
