//! Who may see, edit and move a listing: pure functions that make the proofs which writes demand.

use chrono::NaiveDate;
use uuid::Uuid;

use super::content::tiers::Tier;
use super::model::Listing;
use super::states::{ListingMove, ListingState};
use crate::access::actor::{Actor, Caller, Role};
use crate::error::{Error, Result};
use crate::moderation::model::{Case, DecisionAction, Verdict};

/// What a caller may see of a listing: nothing, the live revision up to a tier, or everything with its inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The live revision, without what the tier does not reach.
    Live(Tier),
    /// The newest revision, its states and tiers: for its own people, its zone's reviewers and the auditor.
    Inside,
}

/// A published listing is for all; everything else only for those whose work it is. A draft is its organisation's own affair.
pub fn see(caller: &Caller, listing: &Listing, today: NaiveDate) -> Result<View> {
    if let Caller::Account(actor) = caller {
        let reviewed = actor.reviews(&listing.zone) && listing.state != ListingState::Draft;
        if actor.belongs_to(listing.organization_id) || reviewed || actor.is(Role::Auditor) {
            return Ok(View::Inside);
        }
    }
    if listing.state == ListingState::Published && listing.valid_through >= today {
        return Ok(View::Live(if caller.is_verified() { Tier::Verified } else { Tier::Public }));
    }
    Err(Error::NotFound)
}

/// Proof that the caller may draft for an organisation.
#[derive(Debug)]
pub struct Drafting {
    organization: Uuid,
}

impl Drafting {
    pub fn organization(&self) -> Uuid {
        self.organization
    }
}

pub fn draft(actor: &Actor, organization: Uuid) -> Result<Drafting> {
    if actor.belongs_to(organization) {
        Ok(Drafting { organization })
    } else {
        Err(Error::forbidden("members_only", "you do not belong to this organisation", "您不属于该机构"))
    }
}

/// The operator's import drafts for any organisation, and may publish what it drafts.
pub fn draft_by_operator(organization: Uuid) -> Drafting {
    Drafting { organization }
}

/// Proof that the caller may write a new revision.
#[derive(Debug)]
pub struct EditableListing(Listing);

impl EditableListing {
    pub fn listing(&self) -> &Listing {
        &self.0
    }
}

/// Members edit drafts; what is live only an administrator edits, since the edit is submitted with it.
pub fn edit(actor: &Actor, listing: Listing) -> Result<EditableListing> {
    let live = matches!(listing.state, ListingState::Published | ListingState::Paused);
    let allowed = if live { actor.administers_organization(listing.organization_id) } else { actor.belongs_to(listing.organization_id) };
    if allowed { Ok(EditableListing(listing)) } else { Err(refused(actor, &listing)) }
}

/// Authority to make one move of one listing. The state itself is guarded by the write.
#[derive(Debug)]
pub struct MoveAuthority {
    listing: Listing,
    mv: ListingMove,
}

impl MoveAuthority {
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    pub fn mv(&self) -> ListingMove {
        self.mv
    }

    /// The same authority over the row as it is now, read under a lock. Whose it is and where never changes, so the authority holds.
    pub fn over(&self, now: Listing) -> Self {
        debug_assert_eq!(self.listing.id, now.id);
        Self { listing: now, mv: self.mv }
    }
}

/// Moves by people: the owner's by an administrator of the organisation, a restoration by an administrator of the zone who is not of the organisation.
pub fn move_by_person(actor: &Actor, listing: Listing, mv: ListingMove) -> Result<MoveAuthority> {
    let allowed = match mv {
        ListingMove::Submit | ListingMove::Pause | ListingMove::Resume | ListingMove::Renew | ListingMove::Fulfil | ListingMove::Withdraw => {
            actor.administers_organization(listing.organization_id)
        }
        ListingMove::Restore => actor.administers_zone(&listing.zone) && !actor.belongs_to(listing.organization_id),
        ListingMove::Claim | ListingMove::Release | ListingMove::Publish | ListingMove::RequestChanges | ListingMove::Reject | ListingMove::Remove | ListingMove::Expire => false,
    };
    if allowed { Ok(MoveAuthority { listing, mv }) } else { Err(refused(actor, &listing)) }
}

/// 403 for who may know of the listing, 404 for everybody else.
fn refused(actor: &Actor, listing: &Listing) -> Error {
    let visible = see(&Caller::Account(actor.clone()), listing, super::model::today()).is_ok();
    if visible { Error::forbidden("not_yours_to_move", "you may not do this with this listing", "您无权对该供需执行此操作") } else { Error::NotFound }
}

/// Moves by a case on this very listing; the case engine has checked the reviewer.
pub fn claim_by_case(case: &Case, listing: Listing) -> Option<MoveAuthority> {
    (case.subject_id == listing.id).then_some(MoveAuthority { listing, mv: ListingMove::Claim })
}

pub fn release_by_case(case: &Case, listing: Listing) -> Option<MoveAuthority> {
    (case.subject_id == listing.id).then_some(MoveAuthority { listing, mv: ListingMove::Release })
}

pub fn decide_by_case(case: &Case, listing: Listing, verdict: &Verdict) -> Option<MoveAuthority> {
    let mv = match verdict.action {
        DecisionAction::Publish => ListingMove::Publish,
        DecisionAction::RequestChanges => ListingMove::RequestChanges,
        DecisionAction::Reject => ListingMove::Reject,
        DecisionAction::Remove => ListingMove::Remove,
    };
    (case.subject_id == listing.id).then_some(MoveAuthority { listing, mv })
}

/// The system's only move: a listing whose last day has passed expires.
pub fn expire_by_system(listing: Listing, today: NaiveDate) -> Option<MoveAuthority> {
    (listing.valid_through < today).then_some(MoveAuthority { listing, mv: ListingMove::Expire })
}

/// Proof that the caller sees the inside of an organisation's listings.
pub struct OwnListingsReader(Uuid);

impl OwnListingsReader {
    pub fn organization(&self) -> Uuid {
        self.0
    }
}

pub fn read_own(actor: &Actor, organization: Uuid) -> Result<OwnListingsReader> {
    if actor.belongs_to(organization) || actor.is(Role::Auditor) {
        Ok(OwnListingsReader(organization))
    } else {
        Err(Error::forbidden("members_only", "only people of this organisation see its drafts", "仅该机构成员可查看其草稿"))
    }
}

/// Matches are for the listing's own people.
pub fn match_own(actor: &Actor, listing: &Listing) -> Result<()> {
    if actor.belongs_to(listing.organization_id) { Ok(()) } else { Err(refused(actor, listing)) }
}
