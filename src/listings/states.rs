//! The states of a listing and the named moves between them: the table of the domain, once.

use crate::text_enum;

text_enum! {
    pub enum ListingState {
        Draft = "draft",
        Submitted = "submitted",
        InReview = "in_review",
        ChangesRequested = "changes_requested",
        Published = "published",
        Paused = "paused",
        Expired = "expired",
        Fulfilled = "fulfilled",
        Withdrawn = "withdrawn",
        Rejected = "rejected",
        Removed = "removed",
    }
}

text_enum! {
    pub enum ListingMove {
        Submit = "submit",
        Claim = "claim",
        Release = "release",
        Publish = "publish",
        RequestChanges = "request_changes",
        Reject = "reject",
        Pause = "pause",
        Resume = "resume",
        Renew = "renew",
        Fulfil = "fulfil",
        Withdraw = "withdraw",
        Expire = "expire",
        Remove = "remove",
        Restore = "restore",
    }
}

impl ListingMove {
    /// The states from which the move may be made.
    pub const fn from(self) -> &'static [ListingState] {
        use ListingState as S;
        match self {
            Self::Submit => &[S::Draft, S::ChangesRequested],
            Self::Claim => &[S::Submitted],
            Self::Release | Self::Publish | Self::RequestChanges | Self::Reject => &[S::InReview],
            Self::Pause => &[S::Published],
            Self::Resume => &[S::Paused],
            Self::Renew => &[S::Published, S::Paused, S::Expired],
            Self::Fulfil | Self::Expire => &[S::Published, S::Paused],
            Self::Withdraw => &[S::Draft, S::Submitted, S::InReview, S::ChangesRequested, S::Published, S::Paused, S::Expired],
            Self::Remove => &[S::Published, S::Paused, S::Expired, S::Fulfilled],
            Self::Restore => &[S::Removed],
        }
    }

    /// Where the move leads, where that does not depend on more than the move. A submission may also publish at once,
    /// and a restoration leads back to the state before the removal.
    pub const fn target(self) -> ListingState {
        use ListingState as S;
        match self {
            Self::Submit | Self::Release => S::Submitted,
            Self::Claim => S::InReview,
            Self::Publish | Self::Resume | Self::Renew | Self::Restore => S::Published,
            Self::RequestChanges => S::ChangesRequested,
            Self::Reject => S::Rejected,
            Self::Pause => S::Paused,
            Self::Fulfil => S::Fulfilled,
            Self::Withdraw => S::Withdrawn,
            Self::Expire => S::Expired,
            Self::Remove => S::Removed,
        }
    }

    /// Whether the move is a call of its own; the others come with a case or with time.
    pub const fn is_call(self) -> bool {
        matches!(self, Self::Submit | Self::Pause | Self::Resume | Self::Renew | Self::Fulfil | Self::Withdraw | Self::Restore)
    }

    /// The calls that move a listing in this state.
    pub fn calls_from(state: ListingState) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|mv| mv.is_call() && mv.from().contains(&state)).collect()
    }
}

impl ListingState {
    /// Whether the owner may edit: before review, or a new revision of what is live.
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::ChangesRequested | Self::Published | Self::Paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_allow_no_move_but_a_restoration() {
        for last in [ListingState::Withdrawn, ListingState::Rejected, ListingState::Fulfilled] {
            assert!(ListingMove::calls_from(last).is_empty(), "{last}");
        }
        assert_eq!(ListingMove::calls_from(ListingState::Removed), [ListingMove::Restore]);
        assert_eq!(ListingMove::calls_from(ListingState::Submitted), [ListingMove::Withdraw]);
    }
}
