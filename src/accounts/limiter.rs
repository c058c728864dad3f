//! Attempts to log in are limited by the caller's address and by the account that is tried. Each instance counts for itself.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};

use crate::config::LoginConfig;
use crate::error::{Error, Result};

/// Beyond this many remembered keys those that are at rest are forgotten.
const REMEMBERED: usize = 50_000;

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock>;

pub struct LoginLimiter {
    address: Keyed<IpAddr>,
    /// An account as tried from one place, by a digest, so that no addresses are kept in memory. Tried from elsewhere it stays open: nobody
    /// can shut somebody else out by failing in their name.
    account_from_place: Keyed<[u8; 32]>,
    /// An account from everywhere, against many places that try together.
    account: Keyed<[u8; 32]>,
}

/// How many places may try one account at full speed at the same time.
const PLACES: u32 = 10;

impl LoginLimiter {
    pub fn new(config: &LoginConfig) -> Self {
        let quota = |per_minute: u32| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        let an_account = config.attempts_per_account_per_minute;
        Self {
            address: RateLimiter::dashmap(quota(config.attempts_per_address_per_minute)),
            account_from_place: RateLimiter::dashmap(quota(an_account)),
            account: RateLimiter::dashmap(quota(an_account.saturating_mul(PLACES))),
        }
    }

    /// Counts one attempt; an error says when the next may come.
    pub fn attempt(&self, address: Option<IpAddr>, email: &str) -> Result<()> {
        let network = address.map(network_of);
        if let Some(network) = network {
            check(&self.address, &network)?;
        }
        check(&self.account_from_place, &Sha256::digest(format!("{network:?} {email}")).into())?;
        check(&self.account, &Sha256::digest(email).into())
    }
}

/// One subscriber has a whole /64 of version 6, and would otherwise have as many tries as that has addresses.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| IpAddr::from((u128::from(v6) & !u128::from(u64::MAX)).to_be_bytes()), IpAddr::V4),
    }
}

fn check<K: Hash + Eq + Clone>(limiter: &Keyed<K>, key: &K) -> Result<()> {
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|until| Error::TooMany { retry_after_seconds: until.wait_time_from(DefaultClock::default().now()).as_secs() + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> LoginLimiter {
        LoginLimiter::new(&LoginConfig { attempts_per_address_per_minute: 5, attempts_per_account_per_minute: 2 })
    }

    fn place(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn failing_in_somebodys_name_does_not_shut_them_out_elsewhere() {
        let limiter = limiter();
        assert!(limiter.attempt(Some(place(1)), "a@b.cn").is_ok());
        assert!(limiter.attempt(Some(place(1)), "a@b.cn").is_ok());
        assert!(matches!(limiter.attempt(Some(place(1)), "a@b.cn"), Err(Error::TooMany { retry_after_seconds: 1..=60 })));
        assert!(limiter.attempt(Some(place(2)), "a@b.cn").is_ok());
    }

    #[test]
    fn many_places_together_are_limited_by_the_account() {
        let limiter = limiter();
        let accepted = (0..100).filter(|&i| limiter.attempt(Some(place(i)), "a@b.cn").is_ok()).count();
        assert_eq!(accepted, 20);
    }

    #[test]
    fn one_address_is_limited_whatever_the_account() {
        let limiter = limiter();
        let accepted = (0..20).filter(|i| limiter.attempt(Some(place(9)), &format!("{i}@b.cn")).is_ok()).count();
        assert_eq!(accepted, 5);
    }

    #[test]
    fn a_subscribers_whole_network_of_version_6_is_one_address() {
        let limiter = limiter();
        let accepted = (0..20_u16).filter(|&i| limiter.attempt(Some(IpAddr::from([0x2001, 0xdb8, 0, 1, i, i, i, i])), &format!("{i}@b.cn")).is_ok()).count();
        assert_eq!(accepted, 5);
    }
}
