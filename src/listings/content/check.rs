//! The rules on content: what every draft must keep, and what must be there at submission.

use std::collections::HashSet;

use super::Content;
use super::attributes::{Attributes, FundingAttributes, IndustryAttributes, TalentAttributes, TechnologyAttributes};
use super::kinds::Direction;
use crate::error::{FieldError, Message};
use crate::text::clean::{Lines, clean};
use crate::text::fold::fold;

const SHORT_TEXT: usize = 120;

impl Attributes {
    /// Cleans the texts and checks the values. Pointers lie below `/attributes`.
    pub fn check(&mut self, direction: Direction, wrong: &mut Vec<FieldError>) {
        match self {
            Self::Technology(a) => a.check(direction, wrong),
            Self::Funding(a) => a.check(wrong),
            Self::Talent(a) => a.check(wrong),
            Self::Industry(a) => a.check(wrong),
        }
    }
}

impl TechnologyAttributes {
    fn check(&mut self, direction: Direction, wrong: &mut Vec<FieldError>) {
        for (name, value) in [("trl", self.trl), ("min_trl", self.min_trl)] {
            if value.is_some_and(|value| !(1..=9).contains(&value)) {
                wrong.push(FieldError::out_of_range(format!("/attributes/{name}"), 1, 9));
            }
        }
        match direction {
            Direction::Need if self.trl.is_some() => {
                wrong.push(FieldError::not_allowed("/attributes/trl", "belongs to an offer; a need states min_trl", "仅用于供给；需求请填写 min_trl"));
            }
            Direction::Offer if self.min_trl.is_some() => {
                wrong.push(FieldError::not_allowed("/attributes/min_trl", "belongs to a need; an offer states trl", "仅用于需求；供给请填写 trl"));
            }
            _ => {}
        }
        clean_list(&mut self.patents, "/attributes/patents", 50, 60, wrong);
        clean_list(&mut self.application_fields, "/attributes/application_fields", 20, SHORT_TEXT, wrong);
    }
}

impl FundingAttributes {
    fn check(&mut self, wrong: &mut Vec<FieldError>) {
        for (name, range) in [("amount", &self.amount), ("ticket", &self.ticket), ("valuation", &self.valuation)] {
            if let Some(range) = range {
                range.check(&format!("/attributes/{name}"), wrong);
            }
        }
        distinct(&mut self.stages);
        distinct(&mut self.instruments);
        clean_list(&mut self.sectors, "/attributes/sectors", 20, SHORT_TEXT, wrong);
    }
}

impl TalentAttributes {
    fn check(&mut self, wrong: &mut Vec<FieldError>) {
        if self.skills.len() > 30 {
            wrong.push(FieldError::too_many("/attributes/skills", 30));
        }
        let mut seen = HashSet::new();
        for (i, skill) in self.skills.iter_mut().enumerate() {
            match clean(&format!("/attributes/skills/{i}/name"), &skill.name, 60, Lines::One) {
                Ok(name) if !seen.insert(fold(&name)) => {
                    wrong.push(FieldError::new(format!("/attributes/skills/{i}/name"), "duplicate", Message::new("is named twice", "重复出现")));
                }
                Ok(name) => skill.name = name,
                Err(error) => wrong.push(error),
            }
        }
        if self.years_min.is_some_and(|years| !(0..=60).contains(&years)) {
            wrong.push(FieldError::out_of_range("/attributes/years_min", 0, 60));
        }
        if self.headcount.is_some_and(|count| !(1..=10_000).contains(&count)) {
            wrong.push(FieldError::out_of_range("/attributes/headcount", 1, 10_000));
        }
        if let Some(pay) = &self.pay {
            pay.check("/attributes/pay", wrong);
        }
    }
}

impl IndustryAttributes {
    fn check(&mut self, wrong: &mut Vec<FieldError>) {
        for (name, text, max) in [("capacity", &mut self.capacity, 300), ("unit", &mut self.unit, 60)] {
            if let Some(text) = text {
                match clean(&format!("/attributes/{name}"), text, max, Lines::One) {
                    Ok(cleaned) => *text = cleaned,
                    Err(error) => wrong.push(error),
                }
            }
        }
        if let Some(budget) = &self.budget {
            budget.check("/attributes/budget", wrong);
        }
        if let Some(window) = &self.delivery {
            match (window.from, window.to) {
                (None, None) => wrong.push(FieldError::new("/attributes/delivery", "required", Message::new("needs from or to", "需要 from 或 to"))),
                (Some(from), Some(to)) if from > to => wrong.push(FieldError::not_allowed("/attributes/delivery/to", "must not lie before from", "不得早于 from")),
                _ => {}
            }
        }
        clean_list(&mut self.certifications, "/attributes/certifications", 30, 60, wrong);
    }
}

/// Cleans each entry, drops repetitions and bounds the list.
pub fn clean_list(list: &mut Vec<String>, pointer: &str, max_entries: usize, max_chars: usize, wrong: &mut Vec<FieldError>) {
    if list.len() > max_entries {
        wrong.push(FieldError::too_many(pointer, max_entries));
        return;
    }
    for (i, text) in list.iter_mut().enumerate() {
        match clean(&format!("{pointer}/{i}"), text, max_chars, Lines::One) {
            Ok(cleaned) => *text = cleaned,
            Err(error) => wrong.push(error),
        }
    }
    let mut seen = HashSet::new();
    list.retain(|text| seen.insert(fold(text)));
}

/// Drops repetitions and keeps the order.
pub fn distinct<T: Clone + Eq + std::hash::Hash>(list: &mut Vec<T>) {
    let mut seen = HashSet::new();
    list.retain(|value| seen.insert(value.clone()));
}

/// What a draft may lack and a submission may not.
pub fn check_complete(content: &Content) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if content.summary.is_empty() && content.body.is_empty() {
        wrong.push(FieldError::required("/summary"));
    }
    let mut need = |pointer: &str, there: bool| {
        if !there {
            wrong.push(FieldError::required(pointer));
        }
    };
    match (&content.attributes, content.direction) {
        (Attributes::Technology(a), direction) => {
            let level = if direction == Direction::Offer { a.trl } else { a.min_trl };
            if level.is_none() && a.ip_status.is_none() && a.application_fields.is_empty() {
                let (name, zh) = if direction == Direction::Offer {
                    ("trl", "需要 trl、ip_status 或 application_fields 之一")
                } else {
                    ("min_trl", "需要 min_trl、ip_status 或 application_fields 之一")
                };
                wrong.push(FieldError::new(format!("/attributes/{name}"), "required", Message::new(format!("one of {name}, ip_status and application_fields is required"), zh)));
            }
        }
        (Attributes::Funding(a), direction) => {
            if direction == Direction::Need {
                need("/attributes/amount", a.amount.is_some());
            } else {
                need("/attributes/ticket", a.ticket.is_some() || a.amount.is_some());
            }
            need("/attributes/stages", !a.stages.is_empty());
        }
        (Attributes::Talent(a), _) => need("/attributes/skills", !a.skills.is_empty()),
        (Attributes::Industry(a), _) => {
            need("/attributes/capacity", a.capacity.is_some() || a.quantity.is_some());
            if a.quantity.is_some() {
                need("/attributes/unit", a.unit.is_some());
            }
        }
    }
    wrong
}
