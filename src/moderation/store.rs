//! Every statement on `cases` and `decisions`.

use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::model::{Case, CaseState, CaseSubjectType, Decision, DecisionScope, NewCase, Verdict};
use super::policy::{ClaimedCase, QueueReader, ReviewableCase};
use crate::db::Connection;
use crate::db::schema::{cases, decisions};

pub async fn insert(conn: &mut Connection, new: &NewCase) -> QueryResult<Case> {
    diesel::insert_into(cases::table)
        .values((
            cases::id.eq(Uuid::now_v7()),
            cases::zone.eq(&new.zone),
            cases::subject_type.eq(new.subject.kind),
            cases::subject_id.eq(new.subject.id),
            cases::subject_revision.eq(new.subject_revision),
            cases::organization_id.eq(new.organization_id),
            cases::submitted_by.eq(new.submitted_by),
            cases::opened_by_trigger.eq(new.trigger),
            cases::review.eq(new.review),
            cases::state.eq(CaseState::Open),
            cases::snapshot.eq(&new.snapshot),
        ))
        .returning(Case::as_returning())
        .get_result(conn)
        .await
}

pub async fn find(conn: &mut Connection, id: Uuid) -> QueryResult<Option<Case>> {
    cases::table.find(id).select(Case::as_select()).first(conn).await.optional()
}

const UNDECIDED: [CaseState; 4] = [CaseState::Open, CaseState::Claimed, CaseState::AwaitingParty, CaseState::Reopened];

/// There is at most one: a unique index says so.
pub async fn find_undecided(conn: &mut Connection, kind: CaseSubjectType, subject: Uuid) -> QueryResult<Option<Case>> {
    cases::table.filter(cases::subject_type.eq(kind).and(cases::subject_id.eq(subject)).and(cases::state.eq_any(UNDECIDED))).select(Case::as_select()).first(conn).await.optional()
}

/// Oldest first: who waited longest is served first.
pub async fn list(conn: &mut Connection, reader: &QueueReader, state: Option<CaseState>, after: Option<Uuid>, limit: i64) -> QueryResult<Vec<Case>> {
    let mut query = cases::table.select(Case::as_select()).order(cases::id).limit(limit + 1).into_boxed();
    if !reader.zones().is_empty() {
        query = query.filter(cases::zone.eq_any(reader.zones()));
    }
    if let Some(state) = state {
        query = query.filter(cases::state.eq(state));
    }
    if let Some(after) = after {
        query = query.filter(cases::id.gt(after));
    }
    query.load(conn).await
}

/// `None` when somebody else was faster.
pub async fn claim(conn: &mut Connection, target: &ReviewableCase, reviewer: Uuid) -> QueryResult<Option<Case>> {
    diesel::update(cases::table.find(target.case().id).filter(cases::state.eq_any([CaseState::Open, CaseState::Reopened])))
        .set((cases::state.eq(CaseState::Claimed), cases::claimed_by.eq(reviewer), cases::claimed_at.eq(Utc::now())))
        .returning(Case::as_returning())
        .get_result(conn)
        .await
        .optional()
}

pub async fn release(conn: &mut Connection, target: &ClaimedCase) -> QueryResult<Option<Case>> {
    let held = cases::state.eq(CaseState::Claimed).and(cases::claimed_by.is_not_distinct_from(target.case().claimed_by));
    diesel::update(cases::table.find(target.case().id).filter(held))
        .set((cases::state.eq(CaseState::Open), cases::claimed_by.eq(None::<Uuid>), cases::claimed_at.eq(None::<chrono::DateTime<Utc>>)))
        .returning(Case::as_returning())
        .get_result(conn)
        .await
        .optional()
}

pub async fn decided(conn: &mut Connection, target: &ClaimedCase) -> QueryResult<Option<Case>> {
    let held = cases::state.eq(CaseState::Claimed).and(cases::claimed_by.is_not_distinct_from(target.case().claimed_by));
    diesel::update(cases::table.find(target.case().id).filter(held))
        .set((cases::state.eq(CaseState::Decided), cases::decided_at.eq(Utc::now())))
        .returning(Case::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Closes the live case of a subject without a decision; `None` when it has none.
pub async fn close_of_subject(conn: &mut Connection, kind: CaseSubjectType, id: Uuid) -> QueryResult<Option<Case>> {
    diesel::update(cases::table.filter(cases::subject_type.eq(kind).and(cases::subject_id.eq(id))))
        .filter(cases::state.eq_any(UNDECIDED))
        .set(cases::state.eq(CaseState::Closed))
        .returning(Case::as_returning())
        .get_result(conn)
        .await
        .optional()
}

pub struct Grounds {
    pub ground: &'static str,
    pub clause: String,
    pub redress: &'static str,
}

pub async fn insert_decision(conn: &mut Connection, case: &Case, verdict: &Verdict, grounds: &Grounds, decided_by: Uuid, role_shown: &str) -> QueryResult<Decision> {
    diesel::insert_into(decisions::table)
        .values((
            decisions::id.eq(Uuid::now_v7()),
            decisions::case_id.eq(case.id),
            decisions::subject_type.eq(case.subject_type),
            decisions::subject_id.eq(case.subject_id),
            decisions::subject_revision.eq(case.subject_revision),
            decisions::organization_id.eq(case.organization_id),
            decisions::action.eq(verdict.action),
            decisions::reasons.eq(&verdict.reasons),
            decisions::text.eq(&verdict.text),
            (
                decisions::scope.eq(DecisionScope::HomeZone),
                decisions::starts_at.eq(Utc::now()),
                decisions::opened_by_trigger.eq(case.opened_by_trigger),
                decisions::automated_detection.eq(false),
                decisions::automated_decision.eq(false),
                decisions::ground.eq(grounds.ground),
                decisions::clause.eq(&grounds.clause),
                decisions::redress.eq(grounds.redress),
                decisions::decided_by.eq(decided_by),
                decisions::role_shown.eq(role_shown),
            ),
        ))
        .returning(Decision::as_returning())
        .get_result(conn)
        .await
}

/// Newest first.
pub async fn decisions_on(conn: &mut Connection, kind: CaseSubjectType, id: Uuid, before: Option<Uuid>, limit: i64) -> QueryResult<Vec<Decision>> {
    let mut query = decisions::table
        .filter(decisions::subject_type.eq(kind).and(decisions::subject_id.eq(id)))
        .select(Decision::as_select())
        .order(decisions::id.desc())
        .limit(limit + 1)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(decisions::id.lt(before));
    }
    query.load(conn).await
}
