-- Whether a request took effect is asked after a crash. Built without a lock, since the log is written all the time.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_entries_request_idx ON audit_entries (request_id) WHERE request_id IS NOT NULL;
