CREATE TABLE cases (
    id                  UUID PRIMARY KEY,
    zone                TEXT NOT NULL REFERENCES zones (code),
    subject_type        TEXT NOT NULL CHECK (subject_type IN ('listing', 'organization')),
    subject_id          UUID NOT NULL,
    subject_revision    INTEGER NOT NULL,
    -- The organisation whose subject this is: its own people decide nothing here.
    organization_id     UUID NOT NULL REFERENCES organizations (id),
    submitted_by        UUID REFERENCES accounts (id),
    opened_by_trigger   TEXT NOT NULL CHECK (opened_by_trigger IN ('submission', 'report', 'own_initiative', 'authority_order')),
    -- before: decides whether it is published; after: it is published already, the case may keep or remove it.
    review              TEXT NOT NULL CHECK (review IN ('before_publication', 'after_publication')),
    state               TEXT NOT NULL CHECK (state IN ('open', 'claimed', 'awaiting_party', 'decided', 'closed', 'reopened')),
    snapshot            JSONB NOT NULL,
    claimed_by          UUID REFERENCES accounts (id),
    claimed_at          TIMESTAMPTZ,
    decided_at          TIMESTAMPTZ,
    opened_at           TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX cases_queue_idx ON cases (zone, state, id);
CREATE INDEX cases_subject_idx ON cases (subject_type, subject_id, id);
CREATE UNIQUE INDEX cases_one_live_key ON cases (subject_type, subject_id) WHERE state IN ('open', 'claimed', 'awaiting_party', 'reopened');

-- A decision is a statement of reasons; it is never changed, only followed by another.
CREATE TABLE decisions (
    id                  UUID PRIMARY KEY,
    case_id             UUID NOT NULL REFERENCES cases (id),
    subject_type        TEXT NOT NULL,
    subject_id          UUID NOT NULL,
    subject_revision    INTEGER NOT NULL,
    organization_id     UUID NOT NULL REFERENCES organizations (id),
    action              TEXT NOT NULL CHECK (action IN ('publish', 'request_changes', 'reject', 'remove')),
    reasons             TEXT[] NOT NULL,
    -- The facts, in the reviewer's words, as the party reads them.
    text                TEXT NOT NULL,
    scope               TEXT NOT NULL CHECK (scope IN ('home_zone', 'publishing_zone', 'network')),
    starts_at           TIMESTAMPTZ NOT NULL,
    ends_at             TIMESTAMPTZ,
    opened_by_trigger   TEXT NOT NULL,
    automated_detection BOOLEAN NOT NULL,
    automated_decision  BOOLEAN NOT NULL,
    ground              TEXT NOT NULL,
    clause              TEXT NOT NULL,
    redress             TEXT NOT NULL,
    -- The person is kept inside; the role is what is shown outside.
    decided_by          UUID REFERENCES accounts (id),
    role_shown          TEXT NOT NULL,
    created_at          TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX decisions_subject_idx ON decisions (subject_type, subject_id, id);
CREATE INDEX decisions_case_idx ON decisions (case_id);
REVOKE UPDATE, DELETE, TRUNCATE ON decisions FROM PUBLIC, CURRENT_USER;
CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER decisions_no_truncate BEFORE TRUNCATE ON decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
