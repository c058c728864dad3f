//! The tables as diesel sees them. A test compares this file with a migrated database.

diesel::table! {
    zones (code) {
        code -> Text,
        name_zh -> Text,
        name_en -> Text,
        gb2260_prefix -> Text,
        policy -> Text,
        version -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    network_identity (singleton) {
        singleton -> Bool,
        id -> Uuid,
        home -> Nullable<Text>,
    }
}

diesel::table! {
    organizations (id) {
        id -> Uuid,
        name_zh -> Nullable<Text>,
        name_en -> Nullable<Text>,
        kind -> Text,
        uscc -> Text,
        home_zone -> Text,
        website -> Nullable<Text>,
        verification -> Text,
        verified_at -> Nullable<Timestamptz>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    accounts (id) {
        id -> Uuid,
        email -> Text,
        password_hash -> Text,
        display_name -> Text,
        locale -> Text,
        state -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    role_grants (id) {
        id -> Uuid,
        account_id -> Uuid,
        role -> Text,
        organization_id -> Nullable<Uuid>,
        zone -> Nullable<Text>,
        granted_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        account_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        revoked_reason -> Nullable<Text>,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Bytea,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit_entries (id) {
        id -> Uuid,
        at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        action -> Text,
        subject_type -> Text,
        subject_id -> Text,
        organization_id -> Nullable<Uuid>,
        zone -> Nullable<Text>,
        before_digest -> Nullable<Bytea>,
        after_digest -> Nullable<Bytea>,
        changes -> Jsonb,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    change_feed (seq) {
        seq -> Int8,
        txid -> Int8,
        subject_type -> Text,
        subject_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    change_feed_horizon (singleton) {
        singleton -> Bool,
        txid -> Int8,
    }
}

diesel::table! {
    jobs (kind) {
        kind -> Text,
        run_at -> Timestamptz,
        locked_until -> Nullable<Timestamptz>,
        attempts -> Int4,
        last_error -> Nullable<Text>,
        last_run_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    cases (id) {
        id -> Uuid,
        zone -> Text,
        subject_type -> Text,
        subject_id -> Uuid,
        subject_revision -> Int4,
        organization_id -> Uuid,
        submitted_by -> Nullable<Uuid>,
        opened_by_trigger -> Text,
        review -> Text,
        state -> Text,
        snapshot -> Jsonb,
        claimed_by -> Nullable<Uuid>,
        claimed_at -> Nullable<Timestamptz>,
        decided_at -> Nullable<Timestamptz>,
        opened_at -> Timestamptz,
    }
}

diesel::table! {
    decisions (id) {
        id -> Uuid,
        case_id -> Uuid,
        subject_type -> Text,
        subject_id -> Uuid,
        subject_revision -> Int4,
        organization_id -> Uuid,
        action -> Text,
        reasons -> Array<Text>,
        text -> Text,
        scope -> Text,
        starts_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
        opened_by_trigger -> Text,
        automated_detection -> Bool,
        automated_decision -> Bool,
        ground -> Text,
        clause -> Text,
        redress -> Text,
        decided_by -> Nullable<Uuid>,
        role_shown -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    listings (id) {
        id -> Uuid,
        organization_id -> Uuid,
        zone -> Text,
        kind -> Text,
        direction -> Text,
        state -> Text,
        head_revision -> Int4,
        live_revision -> Nullable<Int4>,
        pending_revision -> Nullable<Int4>,
        state_before_removal -> Nullable<Text>,
        valid_through -> Date,
        version -> Int8,
        external_id -> Nullable<Text>,
        created_by -> Nullable<Uuid>,
        submitted_by -> Nullable<Uuid>,
        published_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    listing_revisions (listing_id, revision) {
        listing_id -> Uuid,
        revision -> Int4,
        title_zh -> Nullable<Text>,
        title_en -> Nullable<Text>,
        summary_zh -> Nullable<Text>,
        summary_en -> Nullable<Text>,
        body_zh -> Nullable<Text>,
        body_en -> Nullable<Text>,
        zones_wanted -> Array<Text>,
        segments -> Array<Text>,
        industries -> Array<Text>,
        keywords -> Array<Text>,
        cooperation_modes -> Array<Text>,
        ai_generated -> Text,
        export_control -> Text,
        excluded_organizations -> Array<Uuid>,
        tiers -> Jsonb,
        attributes -> Jsonb,
        trl -> Nullable<Int2>,
        amount_min -> Nullable<Numeric>,
        amount_max -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    import_checkpoints (organization_id, source) {
        organization_id -> Uuid,
        source -> Text,
        rows_read -> Int8,
        digest -> Bytea,
        new_rows -> Int8,
        known_rows -> Int8,
        bad_rows -> Int8,
        rejects -> Text,
        rejects_bytes -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (account_id, key) {
        account_id -> Uuid,
        key -> Text,
        fingerprint -> Bytea,
        request_id -> Text,
        locked_until -> Timestamptz,
        status -> Nullable<Int2>,
        headers -> Nullable<Jsonb>,
        body -> Nullable<Bytea>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    listing_vectors (listing_id, audience, language) {
        listing_id -> Uuid,
        audience -> Text,
        language -> Text,
        model -> Text,
        revision -> Int4,
        chinese -> Float4,
        e5 -> Bytea,
        universal -> Bytea,
        pieces -> Bytea,
        title_e5 -> Bytea,
        title_universal -> Bytea,
        embedded_at -> Timestamptz,
    }
}

diesel::table! {
    embedding_means (model, version) {
        model -> Text,
        version -> Int4,
        means -> Text,
        counted -> Int8,
        computed_at -> Timestamptz,
    }
}

diesel::table! {
    embedding_lease (only_row) {
        only_row -> Bool,
        holder -> Uuid,
        held_until -> Timestamptz,
    }
}

diesel::joinable!(listings -> organizations (organization_id));
diesel::joinable!(role_grants -> accounts (account_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::joinable!(sessions -> accounts (account_id));

diesel::allow_tables_to_appear_in_same_query!(
    zones,
    network_identity,
    organizations,
    accounts,
    role_grants,
    sessions,
    refresh_tokens,
    audit_entries,
    change_feed,
    change_feed_horizon,
    jobs,
    cases,
    decisions,
    listings,
    listing_revisions,
    import_checkpoints,
    idempotency_keys
);
