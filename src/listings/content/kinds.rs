//! The words that classify a listing.

use crate::text_enum;

text_enum! {
    /// What is traded.
    pub enum Kind {
        Technology = "technology",
        Funding = "funding",
        Talent = "talent",
        Industry = "industry",
    }
}

text_enum! {
    /// The side that pays for the thing is the need; in funding the offer is the money.
    pub enum Direction {
        Offer = "offer",
        Need = "need",
    }
}

impl Direction {
    pub const fn opposite(self) -> Self {
        match self {
            Self::Offer => Self::Need,
            Self::Need => Self::Offer,
        }
    }
}

text_enum! {
    pub enum CooperationMode {
        Licence = "licence",
        Transfer = "transfer",
        JointDevelopment = "joint_development",
        TechnicalService = "technical_service",
        Consulting = "consulting",
        JointVenture = "joint_venture",
        Manufacturing = "manufacturing",
        Equity = "equity",
        OpenChallenge = "open_challenge",
    }
}

text_enum! {
    pub enum AiGenerated {
        None = "none",
        Declared = "declared",
        Suspected = "suspected",
    }
}

text_enum! {
    pub enum ExportControl {
        Unassessed = "unassessed",
        Free = "free",
        Restricted = "restricted",
        Prohibited = "prohibited",
    }
}

text_enum! {
    /// How a technology is protected.
    pub enum IpStatus {
        None = "none",
        Applied = "applied",
        Granted = "granted",
        Copyright = "copyright",
        TradeSecret = "trade_secret",
        OpenSource = "open_source",
        Undisclosed = "undisclosed",
    }
}

text_enum! {
    /// How far a company has come, from the first idea to the stock exchange.
    pub enum Stage {
        Idea = "idea",
        Seed = "seed",
        Angel = "angel",
        PreA = "pre_a",
        SeriesA = "series_a",
        SeriesB = "series_b",
        SeriesC = "series_c",
        Growth = "growth",
        PreIpo = "pre_ipo",
    }
}

text_enum! {
    pub enum Instrument {
        Equity = "equity",
        Convertible = "convertible",
        Debt = "debt",
        Grant = "grant",
    }
}

text_enum! {
    /// How well a skill is mastered, in rising order.
    pub enum SkillLevel {
        Basic = "basic",
        Working = "working",
        Advanced = "advanced",
        Expert = "expert",
    }
}

text_enum! {
    pub enum Seniority {
        Junior = "junior",
        Mid = "mid",
        Senior = "senior",
        Lead = "lead",
        Principal = "principal",
    }
}

text_enum! {
    pub enum Employment {
        FullTime = "full_time",
        PartTime = "part_time",
        Contract = "contract",
        Internship = "internship",
        Secondment = "secondment",
        Project = "project",
    }
}

text_enum! {
    pub enum WorkMode {
        OnSite = "on_site",
        Hybrid = "hybrid",
        Remote = "remote",
    }
}

text_enum! {
    pub enum PayPeriod {
        Hour = "hour",
        Day = "day",
        Month = "month",
        Year = "year",
    }
}

impl PayPeriod {
    /// How many of the period a month of full-time work has: 21.75 paid days and 174 hours by the labour ministry's rule for converting wages.
    pub const fn per_month(self) -> f64 {
        match self {
            Self::Hour => 174.0,
            Self::Day => 21.75,
            Self::Month => 1.0,
            Self::Year => 1.0 / 12.0,
        }
    }
}

text_enum! {
    pub enum Currency {
        Cny = "CNY",
        Usd = "USD",
        Eur = "EUR",
        Hkd = "HKD",
        Jpy = "JPY",
        Gbp = "GBP",
        Sgd = "SGD",
    }
}
