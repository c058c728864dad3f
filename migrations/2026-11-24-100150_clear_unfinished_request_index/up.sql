-- An index that was being built when the server or the service ended is left behind, unusable and in the way of the next attempt.
DROP INDEX CONCURRENTLY IF EXISTS audit_entries_request_idx;
