CREATE TABLE accounts (
    id              UUID PRIMARY KEY,
    -- Kept in lower case by the service, so plain uniqueness is enough.
    email           TEXT NOT NULL CHECK (email = lower(email)),
    -- A PHC string (argon2id). Never leaves the accounts module.
    password_hash   TEXT NOT NULL,
    display_name    TEXT NOT NULL,
    locale          TEXT NOT NULL CHECK (locale IN ('zh', 'en')),
    state           TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT accounts_email_key UNIQUE (email)
);

-- Who holds which role, and where. A role is scoped by an organisation, by a zone, or by the whole network (both empty).
CREATE TABLE role_grants (
    id              UUID PRIMARY KEY,
    account_id      UUID NOT NULL REFERENCES accounts (id),
    role            TEXT NOT NULL,
    organization_id UUID REFERENCES organizations (id),
    zone            TEXT REFERENCES zones (code),
    granted_by      UUID REFERENCES accounts (id),
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT role_grants_key UNIQUE NULLS NOT DISTINCT (account_id, role, organization_id, zone),
    CONSTRAINT role_grants_scope_check CHECK (
        CASE role
            WHEN 'member'        THEN organization_id IS NOT NULL AND zone IS NULL
            WHEN 'org_admin'     THEN organization_id IS NOT NULL AND zone IS NULL
            WHEN 'zone_reviewer' THEN organization_id IS NULL AND zone IS NOT NULL
            WHEN 'zone_admin'    THEN organization_id IS NULL AND zone IS NOT NULL
            WHEN 'supervisor'    THEN organization_id IS NULL
            WHEN 'network_admin' THEN organization_id IS NULL AND zone IS NULL
            WHEN 'auditor'       THEN organization_id IS NULL AND zone IS NULL
            ELSE FALSE
        END)
);
CREATE INDEX role_grants_organization_idx ON role_grants (organization_id, account_id) WHERE organization_id IS NOT NULL;
CREATE INDEX role_grants_zone_idx ON role_grants (zone, account_id) WHERE zone IS NOT NULL;

-- A session is the family of refresh tokens that follow from one log-in.
CREATE TABLE sessions (
    id              UUID PRIMARY KEY,
    account_id      UUID NOT NULL REFERENCES accounts (id),
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at      TIMESTAMPTZ NOT NULL,
    revoked_at      TIMESTAMPTZ,
    revoked_reason  TEXT CHECK (revoked_reason IN ('logged_out', 'refresh_token_reused', 'password_reset'))
);
CREATE INDEX sessions_account_idx ON sessions (account_id);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token: a copy of this table opens no session.
    token_hash      BYTEA PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id      UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at       TIMESTAMPTZ NOT NULL DEFAULT now(),
    used_at         TIMESTAMPTZ
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);
