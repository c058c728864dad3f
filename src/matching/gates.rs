//! Gates: whether a pair may match at all. What is not known passes, and says so.

use std::fmt::Display;

use serde::Serialize;
use utoipa::ToSchema;

use super::side::{Pair, Side, offers_for};
use crate::listings::content::attributes::Attributes;
use crate::listings::content::kinds::{Direction, ExportControl, Stage, WorkMode};
use crate::listings::content::money::Span;
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

/// All gates of a pair, each with its outcome. Both listings are published: only such are ever compared.
pub fn gates(pair: &Pair<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    examine(pair, |code, passed, detail| gates.push(Gate { code, passed, detail: detail.to_string() }));
    gates
}

/// Whether a pair passes all gates: for the hundreds of whom nobody asks why.
pub fn are_open(pair: &Pair<'_>) -> bool {
    let mut open = true;
    examine(pair, |_, passed, _| open &= passed);
    open
}

/// Tells of each gate its code, whether it is passed, and in words why, which are put together only where they are written down.
fn examine(pair: &Pair<'_>, mut tell: impl FnMut(GateCode, bool, &dyn Display)) {
    let (need, offer) = (pair.need, pair.offer);
    let kinds_meet = need.card.direction == Direction::Need && offer.card.direction == Direction::Offer && offers_for(need.kind()).contains(&offer.kind());
    let same = need.organization() == offer.organization();
    let excluded = need.excluded.contains(&offer.organization()) || offer.excluded.contains(&need.organization());
    let valid = need.card.valid_through >= pair.today && offer.card.valid_through >= pair.today;
    tell(GateCode::State, kinds_meet, &"published");
    tell(GateCode::Visibility, true, if need.is_verified() && offer.is_verified() { &"verified" } else { &"public" });
    tell(GateCode::OwnOrganization, !same, if same { &"same" } else { &"different" });
    tell(GateCode::Exclusions, !excluded, if excluded { &"excluded" } else { &"none" });
    tell(GateCode::Validity, valid, &format_args!("need through {}, offer through {}", need.card.valid_through, offer.card.valid_through));
    export_control(need, offer, &mut tell);
    match (&need.card.attributes, &offer.card.attributes) {
        (Attributes::Technology(a), Attributes::Technology(b)) => match a.min_trl.zip(b.trl) {
            Some((min, trl)) => tell(GateCode::MinTrl, trl >= min, &format_args!("offer has TRL {trl}, need asks for {min}")),
            None => tell(GateCode::MinTrl, true, &UNKNOWN),
        },
        (Attributes::Funding(a), Attributes::Funding(b)) => {
            amount(need.money, offer.money, &mut tell);
            stage(&a.stages, &b.stages, &mut tell);
        }
        (Attributes::Talent(a), Attributes::Talent(b)) => {
            amount(need.money, offer.money, &mut tell);
            place_and_work_mode((a.work_mode, a.place.as_deref()), (b.work_mode, b.place.as_deref()), &mut tell);
        }
        (Attributes::Industry(_), Attributes::Industry(_)) => amount(need.money, offer.money, &mut tell),
        _ => {}
    }
}

/// What is not known on either side passes.
const UNKNOWN: &str = "unknown";

/// What is prohibited never matches; what is restricted only with a verified organisation.
fn export_control(need: &Side, offer: &Side, tell: &mut impl FnMut(GateCode, bool, &dyn Display)) {
    let sides = [(need.card.export_control, offer.is_verified()), (offer.card.export_control, need.is_verified())];
    let passed = sides.iter().all(|(control, other_verified)| match control {
        ExportControl::Prohibited => false,
        ExportControl::Restricted => *other_verified,
        ExportControl::Free | ExportControl::Unassessed => true,
    });
    match sides.map(|(control, _)| control) {
        [ExportControl::Unassessed, ExportControl::Unassessed] => tell(GateCode::ExportControl, passed, &UNKNOWN),
        [need, offer] => tell(GateCode::ExportControl, passed, &format_args!("need {need}, offer {offer}")),
    }
}

/// Different currencies are not compared: no rate is ours to choose.
fn amount(need: Option<Span>, offer: Option<Span>, tell: &mut impl FnMut(GateCode, bool, &dyn Display)) {
    match need.zip(offer).filter(|(need, offer)| need.currency == offer.currency).map(|(need, offer)| need.overlaps(&offer)) {
        Some(true) => tell(GateCode::Amount, true, &"ranges overlap"),
        Some(false) => tell(GateCode::Amount, false, &"ranges do not overlap"),
        None => tell(GateCode::Amount, true, &UNKNOWN),
    }
}

fn stage(need: &[Stage], offer: &[Stage], tell: &mut impl FnMut(GateCode, bool, &dyn Display)) {
    let common: Vec<&str> = need.iter().filter(|stage| offer.contains(stage)).map(|stage| stage.as_str()).collect();
    match common.as_slice() {
        _ if need.is_empty() || offer.is_empty() => tell(GateCode::Stage, true, &UNKNOWN),
        [] => tell(GateCode::Stage, false, &"none in common"),
        common => tell(GateCode::Stage, true, &common.join(", ")),
    }
}

/// Remote work has no place; everything else, hybrid included, happens where the other is.
fn place_and_work_mode(need: (Option<WorkMode>, Option<&str>), offer: (Option<WorkMode>, Option<&str>), tell: &mut impl FnMut(GateCode, bool, &dyn Display)) {
    let code = GateCode::PlaceAndWorkMode;
    match (need, offer) {
        ((Some(WorkMode::Remote), _), _) | (_, (Some(WorkMode::Remote), _)) => tell(code, true, &"remote"),
        ((Some(_), Some(a)), (Some(_), Some(b))) if a == b => tell(code, true, &format_args!("both in {a}")),
        ((Some(_), Some(a)), (Some(_), Some(b))) => tell(code, false, &format_args!("need in {a}, offer in {b}")),
        _ => tell(code, true, &UNKNOWN),
    }
}
