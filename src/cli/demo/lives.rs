//! How a listing of the demonstration gets into its state: by the moves that people make, one after the other.

use anyhow::{Context, Result};
use serde::Deserialize;
use uuid::Uuid;

use crate::access::actor::Actor;
use crate::cli::words::said;
use crate::db::Database;
use crate::listings::actions as listings;
use crate::listings::policy::move_by_person;
use crate::listings::states::{ListingMove, ListingState};
use crate::moderation::actions as moderation;
use crate::moderation::model::{Case, CaseSubjectType, DecisionAction, ReviewReason, SubjectRef, Verdict};
use crate::moderation::policy as moderation_policy;
use crate::moderation::subject::Subjects;

/// What a reviewer found, where a state comes from a decision.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    reasons: Vec<ReviewReason>,
    text: String,
}

/// Who makes the moves.
pub struct Lives<'a> {
    pub database: &'a Database,
    pub subjects: Subjects,
    /// Administers every organisation that has something to move.
    pub owner: Actor,
    /// Reviews in every zone.
    pub reviewer: Actor,
    /// Claims what is under review in Hefei, and has it on the desk.
    pub hefei_reviewer: Actor,
}

impl Lives<'_> {
    /// Leads a listing from how it was imported to `state`. What is live at some time was imported as published; what never was, as a draft.
    pub async fn lead(&self, id: Uuid, zone: &str, state: ListingState, review: Option<&Review>) -> Result<()> {
        match state {
            // Expired ones were imported with a last day in the past: the system's own job moves them.
            ListingState::Draft | ListingState::Published | ListingState::Expired => Ok(()),
            ListingState::Submitted => self.own_move(id, ListingMove::Submit).await,
            ListingState::InReview => {
                self.own_move(id, ListingMove::Submit).await?;
                let reviewer = if zone == "hefei" { &self.hefei_reviewer } else { &self.reviewer };
                self.claim(self.case_on(id).await?, reviewer).await.map(|_| ())
            }
            ListingState::ChangesRequested | ListingState::Rejected => {
                self.own_move(id, ListingMove::Submit).await?;
                let action = if state == ListingState::Rejected { DecisionAction::Reject } else { DecisionAction::RequestChanges };
                self.decide(self.case_on(id).await?, action, review).await
            }
            ListingState::Paused => self.own_move(id, ListingMove::Pause).await,
            ListingState::Fulfilled => self.own_move(id, ListingMove::Fulfil).await,
            ListingState::Withdrawn => self.own_move(id, ListingMove::Withdraw).await,
            ListingState::Removed => {
                let subject = SubjectRef { kind: CaseSubjectType::Listing, id };
                let case = said(moderation::open_on_own_initiative(self.database, &self.subjects, &self.reviewer, subject).await)?;
                self.decide(case, DecisionAction::Remove, review).await
            }
        }
    }

    async fn own_move(&self, id: Uuid, mv: ListingMove) -> Result<()> {
        let listing = said(listings::find(&mut *said(self.database.read().await)?, id).await)?;
        let authority = said(move_by_person(&self.owner, listing, mv))?;
        let moved = if mv == ListingMove::Submit {
            listings::submit(self.database, &self.owner, &authority).await
        } else {
            listings::move_listing(self.database, &self.owner, &authority, None).await
        };
        said(moved).map(|_| ())
    }

    async fn case_on(&self, id: Uuid) -> Result<Case> {
        let mut conn = said(self.database.read().await)?;
        said(moderation::find_undecided(&mut conn, CaseSubjectType::Listing, id).await)?.context("the zone publishes at once: nothing waits there for review")
    }

    async fn claim(&self, case: Case, reviewer: &Actor) -> Result<Case> {
        let target = said(moderation_policy::review(reviewer, case))?;
        said(moderation::claim(self.database, &self.subjects, reviewer, &target).await)
    }

    async fn decide(&self, case: Case, action: DecisionAction, review: Option<&Review>) -> Result<()> {
        let review = review.with_context(|| format!("the decision {action} needs a review with reasons"))?;
        let claimed = self.claim(case, &self.reviewer).await?;
        let target = said(moderation_policy::decide(&self.reviewer, claimed))?;
        let verdict = Verdict { action, reasons: review.reasons.clone(), text: review.text.clone() };
        said(moderation::decide(self.database, &self.subjects, &self.reviewer, &target, &verdict).await)?;
        Ok(())
    }
}
