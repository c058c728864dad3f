//! Who may see which field: everybody (the public teaser), verified organisations, or parties that were introduced.

use crate::text_enum;

text_enum! {
    /// In rising order of what one must be to see a field.
    pub enum Tier {
        Public = "public",
        Verified = "verified",
        Introduced = "introduced",
    }
}

text_enum! {
    /// The fields that have a tier. Titles are always public: they are what a listing is found by.
    pub enum TieredField {
        Summary = "summary",
        Body = "body",
        ZonesWanted = "zones_wanted",
        Segments = "segments",
        Industries = "industries",
        Keywords = "keywords",
        CooperationModes = "cooperation_modes",
        Trl = "trl",
        MinTrl = "min_trl",
        IpStatus = "ip_status",
        Patents = "patents",
        ApplicationFields = "application_fields",
        Amount = "amount",
        Ticket = "ticket",
        Stages = "stages",
        Instruments = "instruments",
        Sectors = "sectors",
        Valuation = "valuation",
        Skills = "skills",
        Seniority = "seniority",
        YearsMin = "years_min",
        Employment = "employment",
        WorkMode = "work_mode",
        Place = "place",
        Pay = "pay",
        Headcount = "headcount",
        Capacity = "capacity",
        Quantity = "quantity",
        Unit = "unit",
        Budget = "budget",
        Delivery = "delivery",
        Certifications = "certifications",
    }
}

impl TieredField {
    /// Patent numbers and valuations are confidential unless their owner says otherwise; everything else is public.
    pub const fn default_tier(self) -> Tier {
        match self {
            Self::Patents | Self::Valuation => Tier::Introduced,
            _ => Tier::Public,
        }
    }
}
