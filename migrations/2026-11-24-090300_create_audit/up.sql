CREATE TABLE audit_entries (
    -- UUIDv7: the order of ids is the order of time.
    id              UUID PRIMARY KEY,
    at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    actor_kind      TEXT NOT NULL CHECK (actor_kind IN ('account', 'command', 'system', 'guest')),
    actor_id        UUID,
    action          TEXT NOT NULL,
    subject_type    TEXT NOT NULL,
    subject_id      TEXT NOT NULL,
    organization_id UUID,
    zone            TEXT,
    -- SHA-256 over the subject's canonical JSON before and after.
    before_digest   BYTEA,
    after_digest    BYTEA,
    -- [{"field", "before", "after"}]: what changed, in words. Never a secret, never personal data.
    changes         JSONB NOT NULL DEFAULT '[]',
    request_id      TEXT
);
CREATE INDEX audit_entries_subject_idx ON audit_entries (subject_type, subject_id, id);
CREATE INDEX audit_entries_actor_idx ON audit_entries (actor_id, id);
CREATE INDEX audit_entries_action_idx ON audit_entries (action, id);
CREATE INDEX audit_entries_zone_idx ON audit_entries (zone, id);

-- Append-only twice over: the service's own role loses the right, and a trigger stops whoever has it.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries FROM PUBLIC, CURRENT_USER;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is not allowed', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
