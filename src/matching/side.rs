//! One side of a pair, as the other side may know it.

use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use uuid::Uuid;

use super::weighed::Weighed;
use crate::embedding::means::{Meaning, Means};
use crate::embedding::texts::{ListingVector, asking_of, meaning_of};
use crate::listings::content::kinds::{Direction, Kind};
use crate::listings::content::money::Span;
use crate::listings::content::tiers::Tier;
use crate::listings::model::Entry;
use crate::listings::view::ListingCard;
use crate::organizations::model::Verification;
use crate::search::document::{audience_of, profile_of};
use crate::search::statistics::Statistics;
use crate::text::language::Language;

#[derive(Debug, Clone)]
pub struct Side {
    pub card: ListingCard,
    pub profile: Weighed,
    /// The money that is compared.
    pub money: Option<Span>,
    /// Organisations that it shall not be matched with: nobody reads them.
    pub excluded: Vec<Uuid>,
    /// `None` while its vectors are not made, or where there are no models.
    pub meaning: Option<Meaning>,
    /// What it asks for, likewise.
    pub asking: Option<Meaning>,
    /// The words of its texts, once somebody is told which of them a partner has too: a seeker's are shown with each of its matches. A copy has
    /// the same texts, and so the same words.
    pub spoken: Arc<OnceLock<Vec<Spoken>>>,
}

/// A word of a text: its term's hash, and how it is written there.
#[derive(Debug, Clone)]
pub struct Spoken {
    pub language: Language,
    pub term: u32,
    pub spelling: String,
}

impl Side {
    /// A listing as a party that sees up to `tier` may know it.
    pub fn of(entry: &Entry, tier: Tier, statistics: &Statistics) -> Self {
        let card = ListingCard::of(entry, tier);
        let money = card.attributes.span(card.direction);
        Self {
            money,
            profile: Weighed::of(profile_of(&card), statistics),
            excluded: entry.content.excluded_organizations.clone(),
            card,
            meaning: None,
            asking: None,
            spoken: Arc::default(),
        }
    }

    pub fn kind(&self) -> Kind {
        self.card.attributes.kind()
    }

    pub fn organization(&self) -> Uuid {
        self.card.organization.id
    }

    pub fn is_verified(&self) -> bool {
        self.card.organization.verification == Verification::Verified
    }

    pub fn has_zh(&self) -> bool {
        !self.profile.zh.terms.is_empty()
    }

    pub fn has_en(&self) -> bool {
        !self.profile.en.terms.is_empty()
    }
}

/// A listing that looks for matches: as guests may know it, and as verified organisations may.
pub struct Seeker {
    pub for_public: Side,
    pub for_verified: Side,
}

impl Seeker {
    pub fn of(entry: &Entry, statistics: &Statistics) -> Self {
        let for_public = Side::of(entry, Tier::Public, statistics);
        let for_verified = if entry.content.has_more_for_verified() { Side::of(entry, Tier::Verified, statistics) } else { for_public.clone() };
        Self { for_public, for_verified }
    }

    /// With what the listing means to each audience, as far as its vectors are made.
    pub fn with_meanings(mut self, entry: &Entry, vectors: &[ListingVector], means: &Means) -> Self {
        let fill = |side: &mut Side, audience: &str| {
            let own: Vec<&ListingVector> = vectors.iter().filter(|vector| vector.audience == audience && vector.revision == entry.revision).collect();
            (side.meaning, side.asking) = (meaning_of(&own, means), asking_of(&own, means));
        };
        fill(&mut self.for_public, audience_of(false));
        fill(&mut self.for_verified, audience_of(entry.content.has_more_for_verified()));
        self
    }

    /// How the other party knows us.
    pub fn as_seen_by(&self, other: &Side) -> &Side {
        if other.is_verified() { &self.for_verified } else { &self.for_public }
    }

    pub fn direction(&self) -> Direction {
        self.for_public.card.direction
    }

    pub fn kind(&self) -> Kind {
        self.for_public.kind()
    }
}

/// A need and an offer of other parties.
pub struct Pair<'a> {
    pub need: &'a Side,
    pub offer: &'a Side,
    pub today: NaiveDate,
    pub statistics: &'a Statistics,
}

/// The kinds that a need of `kind` meets: its own, and the complementary ones.
pub const fn offers_for(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Technology => &[Kind::Technology, Kind::Talent],
        Kind::Industry => &[Kind::Industry, Kind::Technology],
        Kind::Funding => &[Kind::Funding],
        Kind::Talent => &[Kind::Talent],
    }
}

/// The same table read from the offer's side.
pub fn needs_for(kind: Kind) -> Vec<Kind> {
    Kind::ALL.iter().copied().filter(|need| offers_for(*need).contains(&kind)).collect()
}
