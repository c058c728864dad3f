CREATE TABLE listings (
    id                      UUID PRIMARY KEY,
    organization_id         UUID NOT NULL REFERENCES organizations (id),
    zone                    TEXT NOT NULL REFERENCES zones (code),
    kind                    TEXT NOT NULL CHECK (kind IN ('technology', 'funding', 'talent', 'industry')),
    direction               TEXT NOT NULL CHECK (direction IN ('offer', 'need')),
    state                   TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'in_review', 'changes_requested', 'published', 'paused', 'expired', 'fulfilled', 'withdrawn', 'rejected', 'removed')),
    -- The newest revision; what the owner edits.
    head_revision           INTEGER NOT NULL CHECK (head_revision >= 1),
    -- The revision that others see; empty until first published.
    live_revision           INTEGER,
    -- A newer revision of a live listing that waits for review.
    pending_revision        INTEGER,
    state_before_removal    TEXT,
    valid_through           DATE NOT NULL,
    -- Counts every change of the row; the ETag is made from it.
    version                 BIGINT NOT NULL DEFAULT 1,
    external_id             TEXT,
    created_by              UUID REFERENCES accounts (id),
    submitted_by            UUID REFERENCES accounts (id),
    published_at            TIMESTAMPTZ,
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT listings_external_id_key UNIQUE (organization_id, external_id),
    CONSTRAINT listings_live_check CHECK (state NOT IN ('published', 'paused', 'expired', 'fulfilled') OR live_revision IS NOT NULL)
);
CREATE INDEX listings_owner_idx ON listings (organization_id, state, id);
CREATE INDEX listings_expiry_idx ON listings (valid_through) WHERE state IN ('published', 'paused');
CREATE INDEX listings_published_idx ON listings (id) WHERE state = 'published';

CREATE TABLE listing_revisions (
    listing_id              UUID NOT NULL REFERENCES listings (id),
    revision                INTEGER NOT NULL CHECK (revision >= 1),
    title_zh                TEXT,
    title_en                TEXT,
    summary_zh              TEXT,
    summary_en              TEXT,
    body_zh                 TEXT,
    body_en                 TEXT,
    zones_wanted            TEXT[] NOT NULL,
    segments                TEXT[] NOT NULL,
    industries              TEXT[] NOT NULL,
    keywords                TEXT[] NOT NULL,
    cooperation_modes       TEXT[] NOT NULL,
    ai_generated            TEXT NOT NULL CHECK (ai_generated IN ('none', 'declared', 'suspected')),
    export_control          TEXT NOT NULL CHECK (export_control IN ('unassessed', 'free', 'restricted', 'prohibited')),
    excluded_organizations  UUID[] NOT NULL,
    -- {"field": "verified" | "introduced"}; what is not named is public, or stands at the field's own default.
    tiers                   JSONB NOT NULL,
    -- The typed attributes of the listing's kind.
    attributes              JSONB NOT NULL,
    -- Attributes that are compared across listings, as columns for SQL; searches filter by the index.
    trl                     SMALLINT CHECK (trl BETWEEN 1 AND 9),
    amount_min              NUMERIC(20, 2),
    amount_max              NUMERIC(20, 2),
    currency                TEXT,
    created_by              UUID REFERENCES accounts (id),
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (listing_id, revision)
);
REVOKE UPDATE, DELETE, TRUNCATE ON listing_revisions FROM PUBLIC, CURRENT_USER;
CREATE TRIGGER listing_revisions_immutable BEFORE UPDATE OR DELETE ON listing_revisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER listing_revisions_no_truncate BEFORE TRUNCATE ON listing_revisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
