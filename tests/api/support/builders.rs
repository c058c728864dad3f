//! People, organisations and listings for tests: each test says only what it is about.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{Days, Utc};
use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;
use zonebridge::access::actor::Role;
use zonebridge::accounts::grants;
use zonebridge::accounts::policy::{Scope, appoint_by_operator};
use zonebridge::audit::model::By;

use super::app::{Answer, App};

pub const PASSWORD: &str = "Quiet-river-lantern-42";

static COUNT: AtomicU64 = AtomicU64::new(1);

fn next() -> u64 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// A code that fits its check character, another at each call.
pub fn uscc() -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut code = format!("91340100MA{:07}", next());
    let (sum, _) = code.bytes().fold((0, 1), |(sum, weight), c| {
        let value = ALPHABET.iter().position(|&letter| letter == c).unwrap();
        (sum + value * weight, weight * 3 % 31)
    });
    code.push(char::from(ALPHABET[(31 - sum % 31) % 31]));
    code
}

pub fn in_days(days: u64) -> String {
    Utc::now().date_naive().checked_add_days(Days::new(days)).unwrap().to_string()
}

/// Somebody logged in.
#[derive(Clone)]
pub struct Person {
    pub id: Uuid,
    pub email: String,
    pub token: String,
    pub refresh_token: String,
}

/// An organisation with its first administrator.
#[derive(Clone)]
pub struct Organization {
    pub id: String,
    pub uscc: String,
    pub zone: String,
    pub admin: Person,
}

impl App {
    pub async fn person(&self) -> Person {
        let email = format!("person{}@people.example", next());
        self.post("/v1/accounts").json(&json!({"email": email, "password": PASSWORD, "display_name": "Li", "locale": "en"})).send().await.expect(201);
        let tokens = self.post("/v1/sessions").json(&json!({"email": email, "password": PASSWORD})).send().await.expect(201).body;
        let (token, refresh_token) = (tokens["access_token"].as_str().unwrap().to_owned(), tokens["refresh_token"].as_str().unwrap().to_owned());
        let me = self.get("/v1/me").by(&token).send().await.expect(200);
        Person { id: me.id().parse().unwrap(), email, token, refresh_token }
    }

    pub async fn grant(&self, person: &Person, role: Role, scope: Scope) {
        let authority = appoint_by_operator(role, scope).unwrap();
        let mut conn = self.database.write().await.unwrap();
        conn.transaction(async |conn| grants::grant(conn, &By::command(), &authority, person.id).await).await.unwrap();
    }

    async fn person_with(&self, role: Role, scope: Scope) -> Person {
        let person = self.person().await;
        self.grant(&person, role, scope).await;
        person
    }

    pub async fn reviewer(&self, zone: &str) -> Person {
        self.person_with(Role::ZoneReviewer, Scope::Zone(zone.into())).await
    }

    pub async fn zone_admin(&self, zone: &str) -> Person {
        self.person_with(Role::ZoneAdmin, Scope::Zone(zone.into())).await
    }

    pub async fn auditor(&self) -> Person {
        self.person_with(Role::Auditor, Scope::Network).await
    }

    pub async fn network_admin(&self) -> Person {
        self.person_with(Role::NetworkAdmin, Scope::Network).await
    }

    pub async fn organization(&self, zone: &str) -> Organization {
        let admin = self.person().await;
        let uscc = uscc();
        let body = json!({"name": {"zh": "光羽科技", "en": "Lightfeather"}, "kind": "startup", "uscc": uscc, "home_zone": zone});
        let made = self.post("/v1/organizations").by(&admin.token).json(&body).send().await.expect(201);
        Organization { id: made.id(), uscc, zone: zone.into(), admin }
    }

    pub async fn verified_organization(&self, zone: &str) -> Organization {
        let organization = self.organization(zone).await;
        self.verify(&organization).await;
        organization
    }

    pub async fn verify(&self, organization: &Organization) {
        let admin = self.zone_admin(&organization.zone).await;
        self.post(&format!("/v1/organizations/{}/verification/verify", organization.id)).by(&admin.token).send().await.expect(200);
    }

    pub async fn member(&self, organization: &Organization) -> Person {
        self.person_with(Role::Member, Scope::Organization(organization.id.parse().unwrap())).await
    }

    /// A draft of the organisation's; returns its id.
    pub async fn draft(&self, owner: &Organization, listing: Value) -> String {
        self.post("/v1/listings").by(&owner.admin.token).json(&with(listing, json!({"organization_id": owner.id}))).send().await.expect(201).id()
    }

    /// A draft that was submitted.
    pub async fn submitted(&self, owner: &Organization, listing: Value) -> String {
        let id = self.draft(owner, listing).await;
        self.post(&format!("/v1/listings/{id}/submit")).by(&owner.admin.token).send().await.expect(200);
        id
    }

    /// An edit of a listing by its owner, on the version that they see now.
    pub async fn edit(&self, owner: &Organization, listing: &str, body: Value) -> Answer {
        let path = format!("/v1/listings/{listing}");
        let etag = self.get(&path).by(&owner.admin.token).send().await.header("etag").to_owned();
        self.patch(&path).by(&owner.admin.token).header("if-match", &etag).json(&body).send().await
    }

    /// The id of the waiting case on a listing.
    pub async fn case_on(&self, listing: &str, reviewer: &Person) -> String {
        let queue = self.get("/v1/moderation/cases?state=open&limit=100").by(&reviewer.token).send().await.expect(200);
        let case = queue.items().iter().find(|case| case["subject"]["id"] == listing);
        case.unwrap_or_else(|| panic!("no case on {listing}"))["id"].as_str().unwrap().to_owned()
    }

    /// Claims the case on a listing and decides it.
    pub async fn decide(&self, listing: &str, reviewer: &Person, action: &str, reasons: &[&str]) {
        let case = self.case_on(listing, reviewer).await;
        self.post(&format!("/v1/moderation/cases/{case}/claim")).by(&reviewer.token).send().await.expect(200);
        let verdict = json!({"action": action, "reasons": reasons, "text": "Please see the reasons."});
        self.post(&format!("/v1/moderation/cases/{case}/decide")).by(&reviewer.token).json(&verdict).send().await.expect(200);
    }

    /// A listing that was reviewed and published, and is searchable.
    pub async fn published(&self, owner: &Organization, listing: Value) -> String {
        let id = self.submitted(owner, listing).await;
        let state = self.get(&format!("/v1/listings/{id}")).by(&owner.admin.token).send().await.body["state"].clone();
        if state == "submitted" {
            let reviewer = self.reviewer(&owner.zone).await;
            self.decide(&id, &reviewer, "publish", &[]).await;
        }
        self.caught_up().await;
        id
    }

    pub async fn set_policy(&self, zone: &str, policy: &str) {
        let admin = self.zone_admin(zone).await;
        let path = format!("/v1/zones/{zone}");
        let etag = self.get(&path).send().await.header("etag").to_owned();
        self.patch(&path).by(&admin.token).header("if-match", &etag).json(&json!({"policy": policy})).send().await.expect(200);
    }
}

/// The fields of `base` with those of `more` in their place.
pub fn with(mut base: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn listing(kind: &str, direction: &str, title: &str, attributes: Value) -> Value {
    json!({
        "kind": kind, "direction": direction, "title": {"en": title}, "summary": {"en": format!("{title}, in short.")},
        "segments": ["base.sensors"], "valid_through": in_days(120), "attributes": attributes
    })
}

pub fn technology_need(title: &str) -> Value {
    listing("technology", "need", title, json!({"min_trl": 4}))
}

pub fn technology_offer(title: &str) -> Value {
    listing("technology", "offer", title, json!({"trl": 6, "ip_status": "granted"}))
}

pub fn funding_need(title: &str) -> Value {
    listing("funding", "need", title, json!({"amount": {"min": "20000000", "max": "50000000", "currency": "CNY"}, "stages": ["series_a"], "instruments": ["equity"]}))
}

pub fn funding_offer(title: &str) -> Value {
    listing("funding", "offer", title, json!({"ticket": {"min": "10000000", "max": "30000000", "currency": "CNY"}, "stages": ["series_a"], "instruments": ["equity"]}))
}

pub fn talent_need(title: &str) -> Value {
    listing("talent", "need", title, json!({"skills": [{"name": "Rust", "level": "advanced"}], "work_mode": "remote"}))
}

pub fn talent_offer(title: &str) -> Value {
    listing("talent", "offer", title, json!({"skills": [{"name": "Rust", "level": "expert"}], "work_mode": "remote"}))
}

pub fn industry_need(title: &str) -> Value {
    listing("industry", "need", title, json!({"quantity": "5000", "unit": "pieces per month", "budget": {"min": "1000000", "max": "3000000", "currency": "CNY"}}))
}

pub fn industry_offer(title: &str) -> Value {
    listing("industry", "offer", title, json!({"capacity": "a pilot line", "budget": {"min": "500000", "max": "2000000", "currency": "CNY"}}))
}
