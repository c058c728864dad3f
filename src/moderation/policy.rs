//! Who may see the queue, claim a case and decide it. Nobody decides on what is their own.

use super::model::{Case, CaseState};
use crate::access::actor::{Actor, Role};
use crate::error::{Error, Result};

/// Proof that the caller may read the queues of these zones; all zones when empty (the auditor).
pub struct QueueReader {
    zones: Vec<String>,
}

impl QueueReader {
    pub fn zones(&self) -> &[String] {
        &self.zones
    }
}

pub fn read_queue(actor: &Actor, zone: Option<&str>) -> Result<QueueReader> {
    let own = actor.reviewed_zones();
    let sees_all = actor.is(Role::Auditor);
    match zone {
        // A reviewer asks for another zone's queue: as if there were none.
        Some(zone) if !own.iter().any(|code| code == zone) && !sees_all => Err(if own.is_empty() { hidden_queue() } else { Error::NotFound }),
        Some(zone) => Ok(QueueReader { zones: vec![zone.to_owned()] }),
        None if sees_all => Ok(QueueReader { zones: Vec::new() }),
        None if own.is_empty() => Err(hidden_queue()),
        None => Ok(QueueReader { zones: own }),
    }
}

fn hidden_queue() -> Error {
    Error::forbidden("reviewers_only", "only reviewers see the review queue", "仅审核员可查看审核队列")
}

/// Proof that the caller may work on cases of this case's zone.
#[derive(Debug)]
pub struct ReviewableCase(Case);

impl ReviewableCase {
    pub fn case(&self) -> &Case {
        &self.0
    }
}

/// A reviewer of another zone gets 404: they may not know of the case. One who belongs to the party, or submitted it, gets 403.
pub fn review(actor: &Actor, case: Case) -> Result<ReviewableCase> {
    if !actor.reviews(&case.zone) {
        return Err(Error::NotFound);
    }
    if actor.belongs_to(case.organization_id) || case.submitted_by == Some(actor.account_id) {
        return Err(Error::forbidden("own_organization", "nobody decides on their own organisation's listing", "不得审核本人所属机构的供需"));
    }
    Ok(ReviewableCase(case))
}

/// Proof that the caller holds the case, and so may decide it.
#[derive(Debug)]
pub struct ClaimedCase(Case);

impl ClaimedCase {
    pub fn case(&self) -> &Case {
        &self.0
    }
}

pub fn decide(actor: &Actor, case: Case) -> Result<ClaimedCase> {
    let case = review(actor, case)?.0;
    claimed(&case)?;
    if case.claimed_by != Some(actor.account_id) {
        return Err(Error::forbidden("claimed_by_another", "another reviewer has claimed this case", "该审核单已由其他审核员领取"));
    }
    Ok(ClaimedCase(case))
}

/// Who claimed a case may release it, and an administrator of the zone may do so for them.
pub fn release(actor: &Actor, case: Case) -> Result<ClaimedCase> {
    let case = review(actor, case)?.0;
    claimed(&case)?;
    if case.claimed_by != Some(actor.account_id) && !actor.administers_zone(&case.zone) {
        return Err(Error::forbidden("claimed_by_another", "only who claimed the case, or a zone administrator, releases it", "仅领取人或园区管理员可释放该审核单"));
    }
    Ok(ClaimedCase(case))
}

fn claimed(case: &Case) -> Result<()> {
    if case.state == CaseState::Claimed { Ok(()) } else { Err(illegal_move(case.state)) }
}

pub fn illegal_move(state: CaseState) -> Error {
    let allowed: &[&str] = match state {
        CaseState::Open | CaseState::Reopened => &["claim"],
        CaseState::Claimed => &["release", "decide"],
        CaseState::AwaitingParty | CaseState::Decided | CaseState::Closed => &[],
    };
    Error::IllegalMove { state: state.to_string(), allowed_moves: allowed.iter().map(ToString::to_string).collect() }
}

/// Proof that the caller may see one case.
pub struct VisibleCase(Case);

impl VisibleCase {
    pub fn into_case(self) -> Case {
        self.0
    }
}

pub fn see(actor: &Actor, case: Case) -> Result<VisibleCase> {
    if actor.reviews(&case.zone) || actor.is(Role::Auditor) { Ok(VisibleCase(case)) } else { Err(Error::NotFound) }
}

/// Proof that the caller may open a case in a zone of their own accord.
pub struct CaseOpener(String);

impl CaseOpener {
    pub fn zone(&self) -> &str {
        &self.0
    }
}

pub fn open(actor: &Actor, zone: &str, organization: uuid::Uuid) -> Result<CaseOpener> {
    if !actor.reviews(zone) {
        return Err(Error::NotFound);
    }
    if actor.belongs_to(organization) {
        return Err(Error::forbidden("own_organization", "nobody decides on their own organisation's listing", "不得审核本人所属机构的供需"));
    }
    Ok(CaseOpener(zone.to_owned()))
}
