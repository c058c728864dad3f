//! One sentence in each language, made from what the score was made from.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::score::{Factor, Score};
use super::side::{Pair, Side, Spoken};
use super::weights::FactorCode;
use crate::listings::content::attributes::Attributes;
use crate::listings::view::ListingCard;
use crate::search::statistics::Statistics;
use crate::text::clean::clip;
use crate::text::fold::is_han;
use crate::text::language::Language;
use crate::text::profile::hash;
use crate::text::segment::words;

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Explanation {
    pub zh: String,
    pub en: String,
}

/// How many reasons a sentence has room for, and how many words it shows.
const REASONS: usize = 4;
const WORDS: usize = 5;
/// How far into a text it looks for words to show.
const READ: usize = 1_500;

struct Reason {
    zh: String,
    en: String,
}

impl Reason {
    fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

pub fn explain(pair: &Pair<'_>, score: &Score) -> Explanation {
    let statistics = pair.statistics;
    let mut by_contribution: Vec<&Factor> = score.factors.iter().filter(|factor| factor.value.is_some_and(|value| value > 0.05)).collect();
    by_contribution.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    let for_it: Vec<Reason> = by_contribution.iter().filter_map(|factor| reason_for(factor, pair, statistics)).take(REASONS).collect();
    let against = weakest(score, pair);
    let join = |pick: fn(&Reason) -> &str, comma: &str| for_it.iter().map(pick).collect::<Vec<_>>().join(comma);
    let (mut zh, mut en) = (format!("匹配理由：{}", join(|reason| &reason.zh, "；")), format!("It fits because {}", join(|reason| &reason.en, ", ")));
    if for_it.is_empty() {
        (zh, en) = ("匹配较弱".to_owned(), "It fits only weakly".to_owned());
    }
    if let Some(against) = against {
        zh.push_str(&format!("；但{}", against.zh));
        en.push_str(&format!("; but {}", against.en));
    }
    Explanation { zh: zh + "。", en: en + "." }
}

fn reason_for(factor: &Factor, pair: &Pair<'_>, statistics: &Statistics) -> Option<Reason> {
    let (need, offer) = (pair.need, pair.offer);
    Some(match factor.code {
        FactorCode::Text => {
            let shared = shared_words(need, offer, statistics);
            if shared.is_empty() {
                return None;
            }
            let (in_english, in_chinese) = (first_words(&shared, false), first_words(&shared, true));
            Reason::new(format!("both speak of {}", in_english.join(", ")), format!("双方都提到{}", in_chinese.iter().map(|word| format!("“{word}”")).collect::<String>()))
        }
        FactorCode::Meaning if factor.value? >= 0.4 => Reason::new("what they describe is close in meaning", "双方描述的内容含义相近"),
        FactorCode::Chain => {
            let shared: Vec<_> = need.card.segments.iter().filter(|segment| offer.card.segments.contains(segment)).collect();
            if shared.is_empty() {
                return None;
            }
            Reason::new(
                format!("both stand in the AI chain at {}", shared.iter().map(|segment| segment.label_en()).collect::<Vec<_>>().join(" and ")),
                format!("同处产业链的{}环节", shared.iter().map(|segment| segment.label_zh()).collect::<Vec<_>>().join("、")),
            )
        }
        FactorCode::Industry => {
            let (code, closeness) = need
                .card
                .industries
                .iter()
                .map(|code| (code, offer.card.industries.iter().map(|other| code.closeness(other)).fold(0.0, f64::max)))
                .max_by(|a, b| a.1.total_cmp(&b.1))?;
            match closeness {
                c if c >= 0.99 => Reason::new(format!("both work in industry {}", code.as_str()), format!("行业同为{}", code.as_str())),
                c if c >= 0.5 => Reason::new(format!("their industries are close to {}", code.as_str()), format!("行业与{}相近", code.as_str())),
                _ => return None,
            }
        }
        FactorCode::Cooperation if factor.value? >= 0.5 => match (&need.card.attributes, &offer.card.attributes) {
            (Attributes::Funding(_), Attributes::Funding(_)) => Reason::new("they agree on an instrument", "融资工具一致"),
            _ => Reason::new("they agree on how to cooperate", "合作方式一致"),
        },
        FactorCode::Amount if factor.value? >= 0.3 => Reason::new("their amounts overlap", "金额区间重合"),
        FactorCode::Stage if factor.value? > 0.0 => {
            let shared: Vec<&str> = need.card.attributes.stages().iter().filter(|stage| offer.card.attributes.stages().contains(stage)).map(|stage| stage.as_str()).collect();
            Reason::new(format!("the stage {} is one the money is for", shared.join(" and ")), format!("阶段（{}）符合投资方向", shared.join("、")))
        }
        FactorCode::Trl => match (&need.card.attributes, &offer.card.attributes) {
            (Attributes::Technology(a), Attributes::Technology(b)) => {
                let (min, trl) = (a.min_trl?, b.trl?);
                Reason::new(format!("TRL {trl} meets the {min} asked for"), format!("技术成熟度{trl}级达到所需的{min}级"))
            }
            _ => return None,
        },
        FactorCode::Skills if factor.forward? > 0.0 => {
            let shared = shared_skills(need, offer);
            Reason::new(format!("the skills {} are there", shared.join(", ")), format!("具备所需技能{}", shared.join("、")))
        }
        FactorCode::Timing if factor.value? >= 0.5 => Reason::new("the delivery windows overlap", "交付时间吻合"),
        FactorCode::Zone if factor.value? >= 0.99 => Reason::new("the zones are as wished", "园区符合意愿"),
        _ => return None,
    })
}

/// What costs the score most, if it is worth a word.
fn weakest(score: &Score, pair: &Pair<'_>) -> Option<Reason> {
    let lost = |factor: &&Factor| factor.weight * (1.0 - factor.value.unwrap_or(1.0));
    let worst = score
        .factors
        .iter()
        .filter(|factor| factor.value.is_some_and(|value| value < 0.35) && !matches!(factor.code, FactorCode::Text | FactorCode::Meaning | FactorCode::Freshness))
        .max_by(|a, b| lost(a).total_cmp(&lost(b)))?;
    Some(match worst.code {
        FactorCode::Chain => Reason::new("they stand at different segments of the AI chain", "所处产业链环节不同"),
        FactorCode::Industry => Reason::new("their industries are far apart", "所属行业相距较远"),
        FactorCode::Cooperation => Reason::new("they wish for different ways to cooperate", "合作方式意愿不同"),
        FactorCode::Amount => Reason::new("their amounts hardly overlap", "金额区间重合较少"),
        FactorCode::Skills => {
            let missing: Vec<String> =
                pair.need.card.attributes.skills().iter().map(|skill| skill.name.clone()).filter(|name| !shared_skills(pair.need, pair.offer).contains(name)).take(3).collect();
            Reason::new(format!("the skills {} are missing", missing.join(", ")), format!("缺少技能{}", missing.join("、")))
        }
        FactorCode::Timing => Reason::new("the delivery windows hardly meet", "交付时间吻合度低"),
        FactorCode::Zone => Reason::new("the zones are not the ones wished for", "园区不在意愿范围内"),
        _ => return None,
    })
}

fn shared_skills(need: &Side, offer: &Side) -> Vec<String> {
    let had: HashSet<String> = offer.card.attributes.skills().iter().map(|skill| crate::text::fold::fold(&skill.name)).collect();
    need.card.attributes.skills().iter().filter(|skill| had.contains(&crate::text::fold::fold(&skill.name))).map(|skill| skill.name.clone()).collect()
}

/// The words that both texts have, the rarest first, as the need spells them.
fn shared_words(need: &Side, offer: &Side, statistics: &Statistics) -> Vec<String> {
    let mut found: BTreeMap<u32, &str> = BTreeMap::new();
    for Spoken { language, term, spelling } in spoken(need) {
        let theirs = match language {
            Language::Zh => &offer.profile.zh,
            Language::En => &offer.profile.en,
        };
        if theirs.holds(*term) {
            found.entry(*term).or_insert(spelling);
        }
    }
    let mut ranked: Vec<(f64, &str)> = found.into_iter().map(|(term, spelling)| (statistics.idf(term), spelling)).filter(|(idf, _)| *idf > 1.0).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut shared: Vec<String> = Vec::new();
    for (_, word) in ranked {
        if !shared.iter().any(|other| other.contains(word)) {
            shared.push(word.to_owned());
        }
    }
    shared
}

/// The words of a side's texts, in their order: told from the texts when they are asked for the first time.
pub fn spoken(side: &Side) -> &[Spoken] {
    side.spoken.get_or_init(|| spoken_in(&side.card))
}

fn spoken_in(card: &ListingCard) -> Vec<Spoken> {
    let texts = [&card.title, &card.summary, &card.body].into_iter().flat_map(|text| [(Language::Zh, &text.zh), (Language::En, &text.en)]);
    let of_text = |(language, text): (Language, &Option<String>)| {
        let words = text.as_deref().map(|text| words(clip(text, READ))).unwrap_or_default();
        words.into_iter().map(move |(term, spelling)| Spoken { language, term: hash(&term), spelling })
    };
    texts.flat_map(of_text).collect()
}

/// The first of the words, those in the sentence's own script before the others.
fn first_words(shared: &[String], chinese: bool) -> Vec<&str> {
    let own = |word: &&str| word.chars().any(is_han) == chinese;
    let (ours, others): (Vec<&str>, Vec<&str>) = shared.iter().map(String::as_str).partition(own);
    ours.into_iter().chain(others).take(WORDS).collect()
}
