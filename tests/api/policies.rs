//! The whole table of who may do what, as one snapshot to be reviewed: role × deed × state.
//!
//! `WRITE_SNAPSHOT=1 cargo test policies` writes it anew; the difference is then read like code.

use std::fmt::Write;

use chrono::{NaiveDate, Utc};
use uuid::Uuid;
use zonebridge::access::actor::{Actor, Caller, Grant, Role};
use zonebridge::accounts::policy::{Scope, appoint};
use zonebridge::error::{Error, Result};
use zonebridge::listings::content::kinds::{Direction, Kind};
use zonebridge::listings::model::Listing;
use zonebridge::listings::policy as listings;
use zonebridge::listings::states::{ListingMove, ListingState};
use zonebridge::moderation::model::{Case, CaseState, CaseSubjectType, CaseTrigger, Review};
use zonebridge::moderation::policy as moderation;
use zonebridge::organizations::model::{Organization, OrganizationKind, Verification};
use zonebridge::organizations::policy as organizations;
use zonebridge::zones::model::{PublicationPolicy, Zone};

const ORGANIZATION: Uuid = Uuid::from_u128(1);
const ME: Uuid = Uuid::from_u128(2);
const SOMEBODY: Uuid = Uuid::from_u128(3);

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 1, 1).unwrap()
}

fn actor(grants: Vec<Grant>) -> Actor {
    Actor { account_id: ME, session_id: Uuid::from_u128(4), grants, request_id: String::new() }
}

fn grant(role: Role, organization: Option<Uuid>, zone: Option<&str>, verified: bool) -> Grant {
    Grant { role, organization_id: organization, zone: zone.map(str::to_owned), organization_verified: verified }
}

/// Everybody who can stand before a listing of ORGANIZATION in Hefei.
fn people() -> Vec<(&'static str, Actor)> {
    let other = Some(Uuid::from_u128(9));
    vec![
        ("somebody", actor(vec![])),
        ("member of another", actor(vec![grant(Role::Member, other, None, false)])),
        ("admin of another", actor(vec![grant(Role::OrgAdmin, other, None, true)])),
        ("member", actor(vec![grant(Role::Member, Some(ORGANIZATION), None, true)])),
        ("org_admin", actor(vec![grant(Role::OrgAdmin, Some(ORGANIZATION), None, true)])),
        ("reviewer elsewhere", actor(vec![grant(Role::ZoneReviewer, None, Some("wuhan"), false)])),
        ("zone_reviewer", actor(vec![grant(Role::ZoneReviewer, None, Some("hefei"), false)])),
        ("reviewer + member", actor(vec![grant(Role::ZoneReviewer, None, Some("hefei"), false), grant(Role::Member, Some(ORGANIZATION), None, true)])),
        ("zone_admin", actor(vec![grant(Role::ZoneAdmin, None, Some("hefei"), false)])),
        ("zone_admin + org_admin", actor(vec![grant(Role::ZoneAdmin, None, Some("hefei"), false), grant(Role::OrgAdmin, Some(ORGANIZATION), None, true)])),
        ("supervisor", actor(vec![grant(Role::Supervisor, None, None, false)])),
        ("network_admin", actor(vec![grant(Role::NetworkAdmin, None, None, false)])),
        ("auditor", actor(vec![grant(Role::Auditor, None, None, false)])),
    ]
}

fn listing(state: ListingState) -> Listing {
    Listing {
        id: Uuid::from_u128(5),
        organization_id: ORGANIZATION,
        zone: "hefei".into(),
        kind: Kind::Technology,
        direction: Direction::Need,
        state,
        head_revision: 1,
        live_revision: None,
        pending_revision: None,
        state_before_removal: None,
        valid_through: today(),
        version: 1,
        external_id: None,
        created_by: None,
        submitted_by: None,
        published_at: None,
        created_at: Utc::now(),
        updated_at: Utc::now(),
    }
}

fn case(state: CaseState, claimed_by: Option<Uuid>) -> Case {
    Case {
        id: Uuid::from_u128(6),
        zone: "hefei".into(),
        subject_type: CaseSubjectType::Listing,
        subject_id: Uuid::from_u128(5),
        subject_revision: 1,
        organization_id: ORGANIZATION,
        submitted_by: Some(SOMEBODY),
        opened_by_trigger: CaseTrigger::Submission,
        review: Review::BeforePublication,
        state,
        snapshot: serde_json::Value::Null,
        claimed_by,
        claimed_at: None,
        decided_at: None,
        opened_at: Utc::now(),
    }
}

fn organization() -> Organization {
    Organization {
        id: ORGANIZATION,
        name_zh: None,
        name_en: Some("A".into()),
        kind: OrganizationKind::Startup,
        uscc: String::new(),
        home_zone: "hefei".into(),
        website: None,
        verification: Verification::Unverified,
        verified_at: None,
        version: 1,
        created_at: Utc::now(),
        updated_at: Utc::now(),
    }
}

fn zone() -> Zone {
    Zone { code: "hefei".into(), name_zh: String::new(), name_en: String::new(), gb2260_prefix: String::new(), policy: PublicationPolicy::Pre, version: 1, updated_at: Utc::now() }
}

fn word<T>(outcome: &Result<T>) -> &'static str {
    match outcome {
        Ok(_) => "yes",
        Err(Error::NotFound) => "404",
        Err(Error::Forbidden { .. }) => "403",
        Err(Error::IllegalMove { .. } | Error::Conflict { .. }) => "409",
        Err(_) => "?",
    }
}

fn line(table: &mut String, deed: &str, cells: impl Iterator<Item = String>) {
    writeln!(table, "{deed:<34}| {}", cells.collect::<Vec<_>>().join(" ")).unwrap();
}

fn table() -> String {
    let people = people();
    let mut table = String::from("Columns:\n");
    for (i, (name, _)) in people.iter().enumerate() {
        writeln!(table, "  {:>2} {name}", i + 1).unwrap();
    }
    let heads = || people.iter().enumerate().map(|(i, _)| format!("{:>3}", i + 1));
    let mut section = |title: &str, rows: Vec<(String, Vec<String>)>| {
        writeln!(table, "\n{title}").unwrap();
        line(&mut table, "", heads());
        for (deed, cells) in rows {
            line(&mut table, &deed, cells.into_iter().map(|cell| format!("{cell:>3}")));
        }
    };
    let each = |check: &dyn Fn(&Actor) -> &'static str| people.iter().map(|(_, actor)| check(actor).to_owned()).collect::<Vec<_>>();
    section(
        "See a listing (ins: with its inside, ver and pub: up to that tier)",
        ListingState::ALL
            .iter()
            .map(|&state| {
                let seen = |actor: &Actor| match listings::see(&Caller::Account(actor.clone()), &listing(state), today()) {
                    Ok(listings::View::Inside) => "ins",
                    Ok(listings::View::Live(tier)) => &tier.as_str()[..3],
                    Err(_) => "404",
                };
                (state.to_string(), each(&seen))
            })
            .collect(),
    );
    section("Edit a listing", ListingState::ALL.iter().map(|&state| (state.to_string(), each(&|actor| word(&listings::edit(actor, listing(state)))))).collect());
    let moves = [ListingMove::Submit, ListingMove::Pause, ListingMove::Resume, ListingMove::Renew, ListingMove::Fulfil, ListingMove::Withdraw, ListingMove::Restore];
    section(
        "Move a listing (in a state that allows it)",
        moves.iter().map(|&mv| (mv.to_string(), each(&|actor| word(&listings::move_by_person(actor, listing(mv.from()[0]), mv))))).collect(),
    );
    section(
        "Other deeds on listings",
        vec![
            ("draft".into(), each(&|actor| word(&listings::draft(actor, ORGANIZATION)))),
            ("list in every state".into(), each(&|actor| word(&listings::read_own(actor, ORGANIZATION)))),
            ("see matches".into(), each(&|actor| word(&listings::match_own(actor, &listing(ListingState::Published))))),
        ],
    );
    section(
        "Work on a case",
        vec![
            ("read the queue".into(), each(&|actor| word(&moderation::read_queue(actor, None)))),
            ("read the queue of hefei".into(), each(&|actor| word(&moderation::read_queue(actor, Some("hefei"))))),
            ("see".into(), each(&|actor| word(&moderation::see(actor, case(CaseState::Open, None))))),
            ("claim".into(), each(&|actor| word(&moderation::review(actor, case(CaseState::Open, None))))),
            ("decide, claimed by me".into(), each(&|actor| word(&moderation::decide(actor, case(CaseState::Claimed, Some(ME)))))),
            ("decide, claimed by another".into(), each(&|actor| word(&moderation::decide(actor, case(CaseState::Claimed, Some(SOMEBODY)))))),
            ("decide, not claimed".into(), each(&|actor| word(&moderation::decide(actor, case(CaseState::Open, None))))),
            ("release, claimed by me".into(), each(&|actor| word(&moderation::release(actor, case(CaseState::Claimed, Some(ME)))))),
            ("release, claimed by another".into(), each(&|actor| word(&moderation::release(actor, case(CaseState::Claimed, Some(SOMEBODY)))))),
            ("open on own initiative".into(), each(&|actor| word(&moderation::open(actor, "hefei", ORGANIZATION)))),
        ],
    );
    let appointed = |role, scope: Scope| each(&move |actor| word(&appoint(actor, role, scope.clone())));
    section(
        "Organisations, zones, roles, records",
        vec![
            ("change an organisation".into(), each(&|actor| word(&organizations::administer(actor, organization())))),
            ("see inside an organisation".into(), each(&|actor| word(&organizations::see_inside(actor, organization())))),
            ("verify an organisation".into(), each(&|actor| word(&organizations::verify(actor, organization())))),
            ("change a zone's policy".into(), each(&|actor| word(&zonebridge::zones::policy::administer(actor, zone())))),
            ("appoint a member".into(), appointed(Role::Member, Scope::Organization(ORGANIZATION))),
            ("appoint a zone_reviewer".into(), appointed(Role::ZoneReviewer, Scope::Zone("hefei".into()))),
            ("appoint a zone_admin".into(), appointed(Role::ZoneAdmin, Scope::Zone("hefei".into()))),
            ("appoint an auditor".into(), appointed(Role::Auditor, Scope::Network)),
            ("read the audit log".into(), each(&|actor| word(&zonebridge::audit::policy::read(actor)))),
        ],
    );
    table
}

#[test]
fn the_table_of_authority_is_as_reviewed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/policies.txt");
    let now = table();
    if std::env::var_os("WRITE_SNAPSHOT").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let reviewed = std::fs::read_to_string(path).unwrap();
    assert!(now == reviewed, "the table has changed:\n{now}");
}
