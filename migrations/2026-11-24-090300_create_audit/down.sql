DROP TABLE audit_entries;
DROP FUNCTION refuse_change();
