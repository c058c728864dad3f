//! Factors: how well the sides fit, each from 0 to 1, forward (the offer serves the need) and reverse (the need suits the offer).
//! `None` is "not known on one of the sides"; it is listed and never punished.

use chrono::NaiveDate;

use super::side::{Pair, Side};
use super::weights::FactorCode;
use crate::listings::content::attributes::{Attributes, DeliveryWindow, Skill};
use crate::listings::content::kinds::SkillLevel;
use crate::listings::content::money::Span;
use crate::search::blend::closeness_of_texts;
use crate::taxonomy::industry::IndustryCode;
use crate::taxonomy::segment::Segment;
use crate::text::fold::fold;

/// A segment of the same layer is worth this much of the same segment.
const SAME_LAYER: f64 = 0.3;
/// From this closeness on two texts are taken to say the same; what was judged to belong together is seldom nearer.
const SAME_MEANING: f64 = 0.7;
/// After this many days a listing is half as fresh.
const HALF_LIFE_DAYS: f64 = 180.0;

/// Forward and reverse.
pub type Directions = Option<(f64, f64)>;

/// `coverage` and `closeness` are [`text_coverage`] and [`meaning_closeness`] of the pair, which cost more than all the rest and are wanted
/// twice.
pub fn factor(code: FactorCode, pair: &Pair<'_>, coverage: Directions, closeness: Directions) -> Directions {
    let (need, offer) = (pair.need, pair.offer);
    match code {
        // The root spreads the small coverages of long texts.
        FactorCode::Text => coverage.map(|(forward, reverse)| (forward.sqrt(), reverse.sqrt())),
        FactorCode::Meaning => closeness.map(|(forward, reverse)| {
            let value = |closeness: f64| (closeness / SAME_MEANING).clamp(0.0, 1.0);
            (value(forward), value(reverse))
        }),
        FactorCode::Chain => chain(&need.card.segments, &offer.card.segments),
        FactorCode::Industry => industry(&need.card.industries, &offer.card.industries),
        FactorCode::Cooperation => cooperation(need, offer),
        FactorCode::Amount => need.money.zip(offer.money).and_then(|(a, b)| amount(a, b)),
        FactorCode::Stage => stage(need, offer),
        FactorCode::Trl => trl(need, offer),
        FactorCode::Skills => skills(need.card.attributes.skills(), offer.card.attributes.skills()),
        FactorCode::Timing => timing(need, offer),
        FactorCode::Zone => zone(need, offer),
        FactorCode::Freshness => Some((freshness(offer, pair.today), freshness(need, pair.today))),
    }
}

/// The weight of three words that stand in one listing of a hundred, 3 × ln(100)². Added to what a side says, so that a title of one
/// word is not covered wholly by whoever uses the word.
const LITTLE_TEXT: f64 = 63.6;

/// How much of what each side says the other says too, in the language that tells more. Texts without a common language say nothing.
pub fn text_coverage(pair: &Pair<'_>) -> Directions {
    let Pair { need, offer, statistics, .. } = *pair;
    let zh = (need.has_zh() && offer.has_zh()).then(|| need.profile.zh.coverage(&offer.profile.zh, LITTLE_TEXT, statistics));
    let en = (need.has_en() && offer.has_en()).then(|| need.profile.en.coverage(&offer.profile.en, LITTLE_TEXT, statistics));
    match (zh, en) {
        (Some(zh), Some(en)) => Some(if zh.0 + zh.1 >= en.0 + en.1 { zh } else { en }),
        (zh, en) => zh.or(en),
    }
}

/// How near each side is to what the other asks for, from -1 to 1, whatever their languages; `None` where the meaning of one is not known.
pub fn meaning_closeness(pair: &Pair<'_>) -> Directions {
    let closeness = |asking: &Side, other: &Side| {
        let (asking, other) = (asking.asking.as_ref()?, other.meaning.as_ref()?);
        Some(closeness_of_texts(asking.e5.cosine(&other.e5), asking.universal.cosine(&other.universal), !asking.languages.meet(other.languages)))
    };
    closeness(pair.need, pair.offer).zip(closeness(pair.offer, pair.need))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "lists are bounded by a hundred")]
    let count = values.len() as f64;
    if count == 0.0 { 0.0 } else { values.sum::<f64>() / count }
}

fn chain(need: &[Segment], offer: &[Segment]) -> Directions {
    if need.is_empty() || offer.is_empty() {
        return None;
    }
    let fit = |one: &Segment, others: &[Segment]| {
        if others.contains(one) {
            1.0
        } else if others.iter().any(|other| other.layer() == one.layer()) {
            SAME_LAYER
        } else {
            0.0
        }
    };
    Some((mean(need.iter().map(|one| fit(one, offer))), mean(offer.iter().map(|one| fit(one, need)))))
}

fn industry(need: &[IndustryCode], offer: &[IndustryCode]) -> Directions {
    if need.is_empty() || offer.is_empty() {
        return None;
    }
    let closest = |one: &IndustryCode, others: &[IndustryCode]| others.iter().map(|other| one.closeness(other)).fold(0.0, f64::max);
    Some((mean(need.iter().map(|one| closest(one, offer))), mean(offer.iter().map(|one| closest(one, need)))))
}

/// Modes are alternatives: one in common is enough to begin, more leave more room. For money the instruments take the place of modes.
fn cooperation(need: &Side, offer: &Side) -> Directions {
    match (&need.card.attributes, &offer.card.attributes) {
        (Attributes::Funding(a), Attributes::Funding(b)) => alternatives(&a.instruments, &b.instruments),
        _ => alternatives(&need.card.cooperation_modes, &offer.card.cooperation_modes),
    }
}

fn alternatives<T: PartialEq>(need: &[T], offer: &[T]) -> Directions {
    if need.is_empty() || offer.is_empty() {
        return None;
    }
    let common = need.iter().filter(|one| offer.contains(one)).count();
    let share = |all: usize| {
        #[expect(clippy::cast_precision_loss, reason = "there are nine modes")]
        let share = common as f64 / all as f64;
        if common == 0 { 0.0 } else { 0.5 + 0.5 * share }
    };
    Some((share(need.len()), share(offer.len())))
}

/// The share of each side's range that the other covers. An open end has no length: there it only counts that the ranges overlap.
fn amount(need: Span, offer: Span) -> Directions {
    if need.currency != offer.currency {
        return None;
    }
    let (low, high) = (need.min.max(offer.min), need.max.min(offer.max));
    let share = |range: Span| {
        if low > high {
            0.0
        } else if range.max.is_finite() && range.max > range.min {
            // Touching ends already are a deal to talk about.
            0.3 + 0.7 * ((high - low) / (range.max - range.min)).clamp(0.0, 1.0)
        } else {
            1.0
        }
    };
    Some((share(need), share(offer)))
}

/// The stages of a company, and how many of them the investor takes. An investor loses nothing by taking others too.
fn stage(need: &Side, offer: &Side) -> Directions {
    let (need, offer) = (need.card.attributes.stages(), offer.card.attributes.stages());
    if need.is_empty() || offer.is_empty() {
        return None;
    }
    let share = mean(need.iter().map(|stage| if offer.contains(stage) { 1.0 } else { 0.0 }));
    Some((share, share))
}

/// What is more mature than asked for serves the need better; to the offer it is all the same.
fn trl(need: &Side, offer: &Side) -> Directions {
    let (Attributes::Technology(a), Attributes::Technology(b)) = (&need.card.attributes, &offer.card.attributes) else { return None };
    let (min, trl) = (f64::from(a.min_trl?), f64::from(b.trl?));
    if trl < min {
        return Some((0.0, 0.0));
    }
    let headroom = if min < 9.0 { (trl - min) / (9.0 - min) } else { 1.0 };
    Some((0.7 + 0.3 * headroom, 1.0))
}

/// The share of the skills asked for that are offered, a lower level counting by its distance; and the share of the offered ones that are used.
fn skills(need: &[Skill], offer: &[Skill]) -> Directions {
    if need.is_empty() || offer.is_empty() {
        return None;
    }
    let level = |level: Option<SkillLevel>| level.and_then(|level| SkillLevel::ALL.iter().position(|other| *other == level));
    let names: Vec<String> = offer.iter().map(|skill| fold(&skill.name)).collect();
    let covered = |asked: &Skill| {
        let name = fold(&asked.name);
        let Some(found) = names.iter().position(|other| *other == name) else { return 0.0 };
        match (level(asked.level), level(offer[found].level)) {
            (Some(asked), Some(had)) if had < asked => 1.0 - 0.25 * f64::from(u32::try_from(asked - had).unwrap_or(3)),
            _ => 1.0,
        }
    };
    let used = |had: &Skill| {
        let name = fold(&had.name);
        if need.iter().any(|asked| fold(&asked.name) == name) { 1.0 } else { 0.0 }
    };
    Some((mean(need.iter().map(covered)), mean(offer.iter().map(used))))
}

/// The share of the need's window in which the offer delivers, and the other way round.
fn timing(need: &Side, offer: &Side) -> Directions {
    let (Attributes::Industry(a), Attributes::Industry(b)) = (&need.card.attributes, &offer.card.attributes) else { return None };
    let (a, b) = (a.delivery.as_ref()?, b.delivery.as_ref()?);
    let ends = |window: &DeliveryWindow| (window.from.unwrap_or(NaiveDate::MIN), window.to.unwrap_or(NaiveDate::MAX));
    let ((from_a, to_a), (from_b, to_b)) = (ends(a), ends(b));
    let (from, to) = (from_a.max(from_b), to_a.min(to_b));
    let share = |window: &DeliveryWindow| {
        if from > to {
            return 0.0;
        }
        match (window.from, window.to) {
            #[expect(clippy::cast_precision_loss, reason = "a window has fewer days than 2^52")]
            (Some(start), Some(end)) => ((to - from).num_days() + 1) as f64 / ((end - start).num_days() + 1) as f64,
            _ => 1.0,
        }
    };
    Some((share(a), share(b)))
}

/// Whether each side comes from where the other wishes. No wish is content with every zone; where nobody wishes there is nothing to weigh.
fn zone(need: &Side, offer: &Side) -> Directions {
    let (wanted_by_need, wanted_by_offer) = (&need.card.zones_wanted, &offer.card.zones_wanted);
    if wanted_by_need.is_empty() && wanted_by_offer.is_empty() {
        return None;
    }
    let content = |wanted: &[String], zone: &String| if wanted.is_empty() || wanted.contains(zone) { 1.0 } else { 0.0 };
    Some((content(wanted_by_need, &offer.card.zone), content(wanted_by_offer, &need.card.zone)))
}

/// In whole days, so that two questions on one day get one answer.
fn freshness(side: &Side, today: NaiveDate) -> f64 {
    let age = side.card.published_at.map_or(0, |at| (today - at.date_naive()).num_days().max(0));
    #[expect(clippy::cast_precision_loss, reason = "an age in days stays far below 2^52")]
    let age = age as f64;
    0.5_f64.powf(age / HALF_LIFE_DAYS)
}
