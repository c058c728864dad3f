CREATE TABLE organizations (
    id              UUID PRIMARY KEY,
    name_zh         TEXT,
    name_en         TEXT,
    kind            TEXT NOT NULL CHECK (kind IN ('startup', 'enterprise', 'research_institute', 'university', 'investor', 'service_provider', 'zone_body')),
    -- Unified social credit code, GB 32100-2015; the check digit is verified by the service.
    uscc            TEXT NOT NULL CHECK (uscc ~ '^[0-9A-HJ-NP-RTUW-Y]{18}$'),
    home_zone       TEXT NOT NULL REFERENCES zones (code),
    website         TEXT,
    verification    TEXT NOT NULL DEFAULT 'unverified' CHECK (verification IN ('unverified', 'pending', 'verified', 'expired', 'suspended', 'revoked')),
    verified_at     TIMESTAMPTZ,
    version         BIGINT NOT NULL DEFAULT 1,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT organizations_uscc_key UNIQUE (uscc),
    CONSTRAINT organizations_name_check CHECK (name_zh IS NOT NULL OR name_en IS NOT NULL)
);
CREATE INDEX organizations_home_zone_idx ON organizations (home_zone, id);
