DROP INDEX CONCURRENTLY IF EXISTS audit_entries_request_idx;
