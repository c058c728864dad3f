//! Cases, decisions and their words.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::schema::{cases, decisions};
use crate::text_enum;

text_enum! {
    pub enum CaseState {
        Open = "open",
        Claimed = "claimed",
        AwaitingParty = "awaiting_party",
        Decided = "decided",
        Closed = "closed",
        Reopened = "reopened",
    }
}

text_enum! {
    pub enum CaseSubjectType {
        Listing = "listing",
        Organization = "organization",
    }
}

text_enum! {
    /// Why a case was opened.
    pub enum CaseTrigger {
        Submission = "submission",
        Report = "report",
        OwnInitiative = "own_initiative",
        AuthorityOrder = "authority_order",
    }
}

text_enum! {
    /// Whether the case decides on publication, or on what is published already and may only be kept or removed.
    pub enum Review {
        BeforePublication = "before_publication",
        AfterPublication = "after_publication",
    }
}

text_enum! {
    /// What a reviewer decides. On a case after publication `publish` keeps the listing as it is.
    pub enum DecisionAction {
        Publish = "publish",
        RequestChanges = "request_changes",
        Reject = "reject",
        Remove = "remove",
    }
}

impl DecisionAction {
    /// The decisions that a case of this kind may end with.
    pub const fn allowed_in(review: Review) -> &'static [Self] {
        match review {
            Review::BeforePublication => &[Self::Publish, Self::RequestChanges, Self::Reject],
            Review::AfterPublication => &[Self::Publish, Self::Remove],
        }
    }
}

text_enum! {
    pub enum ReviewReason {
        Incomplete = "incomplete",
        WrongCategory = "wrong_category",
        Duplicate = "duplicate",
        UnverifiableClaim = "unverifiable_claim",
        IdentityMismatch = "identity_mismatch",
        ConfidentialContent = "confidential_content",
        PersonalData = "personal_data",
        Discriminatory = "discriminatory",
        UnlawfulFundraising = "unlawful_fundraising",
        ExportControlled = "export_controlled",
        UnlabelledAiContent = "unlabelled_ai_content",
        Infringement = "infringement",
        Spam = "spam",
        Other = "other",
    }
}

text_enum! {
    pub enum DecisionScope {
        HomeZone = "home_zone",
        PublishingZone = "publishing_zone",
        Network = "network",
    }
}

/// What a case is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectRef {
    #[serde(rename = "type")]
    pub kind: CaseSubjectType,
    pub id: Uuid,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = cases)]
pub struct Case {
    pub id: Uuid,
    pub zone: String,
    pub subject_type: CaseSubjectType,
    pub subject_id: Uuid,
    pub subject_revision: i32,
    pub organization_id: Uuid,
    pub submitted_by: Option<Uuid>,
    pub opened_by_trigger: CaseTrigger,
    pub review: Review,
    pub state: CaseState,
    pub snapshot: serde_json::Value,
    pub claimed_by: Option<Uuid>,
    pub claimed_at: Option<DateTime<Utc>>,
    pub decided_at: Option<DateTime<Utc>>,
    pub opened_at: DateTime<Utc>,
}

/// A case to be opened.
pub struct NewCase {
    pub zone: String,
    pub subject: SubjectRef,
    pub subject_revision: i32,
    pub organization_id: Uuid,
    pub submitted_by: Option<Uuid>,
    pub trigger: CaseTrigger,
    pub review: Review,
    pub snapshot: serde_json::Value,
}

/// What a reviewer says.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub action: DecisionAction,
    pub reasons: Vec<ReviewReason>,
    pub text: String,
}

/// A statement of reasons.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = decisions)]
pub struct Decision {
    pub id: Uuid,
    pub case_id: Uuid,
    pub subject_revision: i32,
    pub organization_id: Uuid,
    pub action: DecisionAction,
    pub reasons: Vec<ReviewReason>,
    pub text: String,
    pub scope: DecisionScope,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub opened_by_trigger: CaseTrigger,
    pub automated_detection: bool,
    pub automated_decision: bool,
    pub ground: String,
    pub clause: String,
    pub redress: String,
    pub role_shown: String,
    pub created_at: DateTime<Utc>,
}
