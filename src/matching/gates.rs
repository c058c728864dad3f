//! Gates: whether a pair may match at all. What is not known passes, and says so.

use serde::Serialize;
use utoipa::ToSchema;

use super::side::{Pair, Side, offers_for};
use crate::listings::content::attributes::Attributes;
use crate::listings::content::kinds::{Currency, Direction, ExportControl, WorkMode};
use crate::listings::content::money::Amount;
use crate::text_enum;

text_enum! {
    pub enum GateCode {
        State = "state",
        Visibility = "visibility",
        OwnOrganization = "own_organization",
        Exclusions = "exclusions",
        Validity = "validity",
        Amount = "amount",
        PlaceAndWorkMode = "place_and_work_mode",
        MinTrl = "min_trl",
        Stage = "stage",
        ExportControl = "export_control",
    }
}

/// A gate with its outcome. `detail` is `unknown` where a side does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Gate {
    pub code: GateCode,
    pub passed: bool,
    pub detail: String,
}

impl Gate {
    fn new(code: GateCode, passed: bool, detail: impl Into<String>) -> Self {
        Self { code, passed, detail: detail.into() }
    }

    /// Known on both sides, or passed as unknown.
    fn known(code: GateCode, outcome: Option<(bool, String)>) -> Self {
        let (passed, detail) = outcome.unwrap_or((true, "unknown".into()));
        Self::new(code, passed, detail)
    }
}

/// All gates of a pair, each with its outcome. Both listings are published: only such are ever compared.
pub fn gates(pair: &Pair<'_>) -> Vec<Gate> {
    let (need, offer) = (pair.need, pair.offer);
    let kinds_meet = need.card.direction == Direction::Need && offer.card.direction == Direction::Offer && offers_for(need.kind()).contains(&offer.kind());
    let valid = need.card.valid_through >= pair.today && offer.card.valid_through >= pair.today;
    let mut gates = vec![
        Gate::new(GateCode::State, kinds_meet, "published"),
        Gate::new(GateCode::Visibility, true, if need.is_verified() && offer.is_verified() { "verified" } else { "public" }),
        Gate::new(GateCode::OwnOrganization, need.organization() != offer.organization(), if need.organization() == offer.organization() { "same" } else { "different" }),
        exclusions(need, offer),
        Gate::new(GateCode::Validity, valid, format!("need through {}, offer through {}", need.card.valid_through, offer.card.valid_through)),
        export_control(need, offer),
    ];
    match (&need.card.attributes, &offer.card.attributes) {
        (Attributes::Technology(a), Attributes::Technology(b)) => {
            gates.push(Gate::known(GateCode::MinTrl, a.min_trl.zip(b.trl).map(|(min, trl)| (trl >= min, format!("offer has TRL {trl}, need asks for {min}")))));
        }
        (Attributes::Funding(a), Attributes::Funding(b)) => {
            gates.push(amount_gate(money_of(need), money_of(offer)));
            let known = !a.stages.is_empty() && !b.stages.is_empty();
            let common: Vec<&str> = a.stages.iter().filter(|stage| b.stages.contains(stage)).map(|stage| stage.as_str()).collect();
            gates.push(Gate::known(GateCode::Stage, known.then(|| (!common.is_empty(), if common.is_empty() { "none in common".into() } else { common.join(", ") }))));
        }
        (Attributes::Talent(a), Attributes::Talent(b)) => {
            gates.push(amount_gate(money_of(need), money_of(offer)));
            gates.push(place_and_work_mode((a.work_mode, a.place.as_deref()), (b.work_mode, b.place.as_deref())));
        }
        (Attributes::Industry(_), Attributes::Industry(_)) => gates.push(amount_gate(money_of(need), money_of(offer))),
        _ => {}
    }
    gates
}

fn exclusions(need: &Side, offer: &Side) -> Gate {
    let excluded = need.hidden.excluded_organizations.contains(&offer.organization()) || offer.hidden.excluded_organizations.contains(&need.organization());
    Gate::new(GateCode::Exclusions, !excluded, if excluded { "excluded" } else { "none" })
}

/// What is prohibited never matches; what is restricted only with a verified organisation.
fn export_control(need: &Side, offer: &Side) -> Gate {
    let sides = [(need.card.export_control, offer.is_verified()), (offer.card.export_control, need.is_verified())];
    let passed = sides.iter().all(|(control, other_verified)| match control {
        ExportControl::Prohibited => false,
        ExportControl::Restricted => *other_verified,
        ExportControl::Free | ExportControl::Unassessed => true,
    });
    let words: Vec<ExportControl> = sides.iter().map(|(control, _)| *control).collect();
    let detail = if words == [ExportControl::Unassessed; 2] { "unknown".to_owned() } else { format!("need {}, offer {}", words[0], words[1]) };
    Gate::new(GateCode::ExportControl, passed, detail)
}

/// A range of money in one currency; pay is turned into pay a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Money {
    pub min: f64,
    pub max: f64,
    pub currency: Currency,
}

impl Money {
    pub fn overlaps(&self, other: &Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}

/// What a side says about money: the sum a company seeks, the ticket of a fund, a budget or price, pay a month.
pub fn money_of(side: &Side) -> Option<Money> {
    let ends = |min: Option<f64>, max: Option<f64>, currency| Money { min: min.unwrap_or(0.0), max: max.unwrap_or(f64::INFINITY), currency };
    match &side.card.attributes {
        Attributes::Technology(_) => None,
        Attributes::Funding(a) => {
            let range = if side.card.direction == Direction::Need { a.amount.as_ref().or(a.ticket.as_ref()) } else { a.ticket.as_ref().or(a.amount.as_ref()) };
            range.map(|range| ends(range.min.as_ref().map(Amount::approximate), range.max.as_ref().map(Amount::approximate), range.currency))
        }
        Attributes::Talent(a) => a.pay.as_ref().map(|pay| {
            let month = |amount: &crate::listings::content::money::Amount| amount.approximate() * pay.period.per_month();
            ends(pay.min.as_ref().map(month), pay.max.as_ref().map(month), pay.currency)
        }),
        Attributes::Industry(a) => a.budget.as_ref().map(|range| ends(range.min.as_ref().map(Amount::approximate), range.max.as_ref().map(Amount::approximate), range.currency)),
    }
}

/// Different currencies are not compared: no rate is ours to choose.
fn amount_gate(need: Option<Money>, offer: Option<Money>) -> Gate {
    let outcome = need.zip(offer).and_then(|(need, offer)| {
        (need.currency == offer.currency).then(|| {
            let passed = need.overlaps(&offer);
            (passed, if passed { "ranges overlap".to_owned() } else { "ranges do not overlap".to_owned() })
        })
    });
    Gate::known(GateCode::Amount, outcome)
}

/// Remote work has no place; everything else, hybrid included, happens where the other is.
fn place_and_work_mode(need: (Option<WorkMode>, Option<&str>), offer: (Option<WorkMode>, Option<&str>)) -> Gate {
    let outcome = match (need, offer) {
        ((Some(WorkMode::Remote), _), _) | (_, (Some(WorkMode::Remote), _)) => Some((true, "remote".to_owned())),
        ((Some(_), Some(a)), (Some(_), Some(b))) => Some((a == b, if a == b { format!("both in {a}") } else { format!("need in {a}, offer in {b}") })),
        _ => None,
    };
    Gate::known(GateCode::PlaceAndWorkMode, outcome)
}
