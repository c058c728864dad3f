//! The moves of a case. Each is one transaction: the case, its subject, the decision and the audit entries.

use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::model::{Case, CaseSubjectType, Decision, DecisionAction, NewCase, ReviewReason, SubjectRef, Verdict};
use super::policy::{ClaimedCase, ReviewableCase, illegal_move};
use super::store::{self, Grounds};
use super::subject::Subjects;
use crate::access::actor::{Actor, Role};
use crate::audit::model::{By, Entry, SubjectType};
use crate::audit::store as audit;
use crate::db::{Connection, Database};
use crate::error::{Error, FieldError, Message, Result};

/// Opens a case. Call it in the transaction of what gave rise to it.
pub async fn open(conn: &mut Connection, by: &By, new: &NewCase) -> Result<Case> {
    let case = store::insert(conn, new).await?;
    audit::record(conn, by, entry("open_case", &case).change("trigger", None, Some(case.opened_by_trigger.as_str()))).await?;
    Ok(case)
}

/// A reviewer opens a case of their own accord, on something that is published.
pub async fn open_on_own_initiative(database: &Database, subjects: &Subjects, actor: &Actor, subject: SubjectRef) -> Result<Case> {
    let mut conn = database.write().await?;
    let handler = subjects.of(subject.kind)?;
    conn.transaction(async |conn| {
        let new = handler.open(conn, actor, subject.id).await?;
        open(conn, &By::from(actor), &new).await
    })
    .await
}

/// Ends the live case of a subject that was taken back. Call it in the transaction of the withdrawal.
pub async fn close_of_subject(conn: &mut Connection, by: &By, kind: CaseSubjectType, id: Uuid) -> Result<()> {
    if let Some(case) = store::close_of_subject(conn, kind, id).await? {
        audit::record(conn, by, entry("close_case", &case)).await?;
    }
    Ok(())
}

pub async fn find(conn: &mut Connection, id: Uuid) -> Result<Case> {
    store::find(conn, id).await?.ok_or(Error::NotFound)
}

/// The case on a subject that nobody has decided yet, where there is one.
pub async fn find_undecided(conn: &mut Connection, kind: CaseSubjectType, subject: Uuid) -> Result<Option<Case>> {
    Ok(store::find_undecided(conn, kind, subject).await?)
}

/// The decisions on a subject, newest first.
pub async fn decisions_on(conn: &mut Connection, kind: CaseSubjectType, subject: Uuid, before: Option<Uuid>, limit: i64) -> Result<Vec<Decision>> {
    Ok(store::decisions_on(conn, kind, subject, before, limit).await?)
}

pub async fn claim(database: &Database, subjects: &Subjects, actor: &Actor, target: &ReviewableCase) -> Result<Case> {
    let by = By::from(actor);
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        subjects.of(target.case().subject_type)?.lock(conn, target.case().subject_id).await?;
        let Some(case) = store::claim(conn, target, actor.account_id).await? else { return Err(moved_on(conn, target.case().id).await?) };
        subjects.of(case.subject_type)?.claimed(conn, &by, &case).await?;
        audit::record(conn, &by, entry("claim", &case)).await?;
        Ok(case)
    })
    .await
}

pub async fn release(database: &Database, subjects: &Subjects, actor: &Actor, target: &ClaimedCase) -> Result<Case> {
    let by = By::from(actor);
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        subjects.of(target.case().subject_type)?.lock(conn, target.case().subject_id).await?;
        let Some(case) = store::release(conn, target).await? else { return Err(moved_on(conn, target.case().id).await?) };
        subjects.of(case.subject_type)?.released(conn, &by, &case).await?;
        audit::record(conn, &by, entry("release", &case)).await?;
        Ok(case)
    })
    .await
}

pub async fn decide(database: &Database, subjects: &Subjects, actor: &Actor, target: &ClaimedCase, verdict: &Verdict) -> Result<(Case, Decision)> {
    check_verdict(target.case(), verdict)?;
    let by = By::from(actor);
    let role = if actor.administers_zone(&target.case().zone) { Role::ZoneAdmin } else { Role::ZoneReviewer };
    let mut conn = database.write().await?;
    conn.transaction(async |conn| {
        subjects.of(target.case().subject_type)?.lock(conn, target.case().subject_id).await?;
        let Some(case) = store::decided(conn, target).await? else { return Err(moved_on(conn, target.case().id).await?) };
        let decision = store::insert_decision(conn, &case, verdict, &grounds(verdict), actor.account_id, role.as_str()).await?;
        subjects.of(case.subject_type)?.decided(conn, &by, &case, verdict).await?;
        let reasons: Vec<&str> = verdict.reasons.iter().map(|reason| reason.as_str()).collect();
        audit::record(conn, &by, entry("decide", &case).change("action", None, Some(verdict.action.as_str())).change("reasons", None, Some(&reasons.join(",")))).await?;
        Ok((case, decision))
    })
    .await
}

/// Only what the kind of case allows, and never a refusal without a reason and a text that the party can act on.
fn check_verdict(case: &Case, verdict: &Verdict) -> Result<()> {
    let allowed = DecisionAction::allowed_in(case.review);
    if !allowed.contains(&verdict.action) {
        let words: Vec<&str> = allowed.iter().map(|action| action.as_str()).collect();
        return Err(Error::invalid(FieldError::unknown_value("/action", verdict.action.as_str(), &words)));
    }
    if verdict.action != DecisionAction::Publish {
        if verdict.reasons.is_empty() {
            return Err(Error::invalid(FieldError::new("/reasons", "required", Message::new("needs at least one reason for this decision", "作出此决定至少需要一项理由"))));
        }
        if verdict.text.is_empty() {
            return Err(Error::invalid(FieldError::new("/text", "required", Message::new("must tell the party what was found", "必须向当事方说明所认定的事实"))));
        }
    }
    Ok(())
}

fn grounds(verdict: &Verdict) -> Grounds {
    let law = verdict.reasons.iter().find_map(|reason| match reason {
        ReviewReason::PersonalData => Some("Personal Information Protection Law"),
        ReviewReason::UnlawfulFundraising => Some("rules on private funds: no promotion to the public, no promised returns"),
        ReviewReason::Discriminatory => Some("recruitment rules: no discriminatory content"),
        ReviewReason::ExportControlled => Some("Export Control Law"),
        ReviewReason::UnlabelledAiContent => Some("rules on the labelling of AI-generated content"),
        ReviewReason::Infringement => Some("intellectual property law"),
        _ => None,
    });
    let words: Vec<&str> = verdict.reasons.iter().map(|reason| reason.as_str()).collect();
    Grounds {
        ground: law.unwrap_or("listing rules of the network"),
        clause: if words.is_empty() { "publication".into() } else { words.join(", ") },
        redress: match verdict.action {
            DecisionAction::Publish => "none needed",
            DecisionAction::RequestChanges => "change it and submit it again",
            DecisionAction::Reject => "ask an administrator of the zone to look at the decision, or submit a new one that meets it",
            DecisionAction::Remove => "ask an administrator of the zone, who may restore it",
        },
    }
}

fn entry(action: &'static str, case: &Case) -> Entry {
    Entry::new(action, SubjectType::Case, case.id).organization(case.organization_id).zone(&case.zone).change(case.subject_type.as_str(), None, Some(&case.subject_id.to_string()))
}

async fn moved_on(conn: &mut Connection, id: Uuid) -> Result<Error> {
    Ok(illegal_move(find(conn, id).await?.state))
}
