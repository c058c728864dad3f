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
    by_address: Keyed<IpAddr>,
    /// By a digest, so that no addresses are kept in memory.
    by_account: Keyed<[u8; 32]>,
}

impl LoginLimiter {
    pub fn new(config: &LoginConfig) -> Self {
        let quota = |per_minute: u32| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self { by_address: RateLimiter::dashmap(quota(config.attempts_per_address_per_minute)), by_account: RateLimiter::dashmap(quota(config.attempts_per_account_per_minute)) }
    }

    /// Counts one attempt; an error says when the next may come.
    pub fn attempt(&self, address: Option<IpAddr>, email: &str) -> Result<()> {
        if let Some(address) = address {
            check(&self.by_address, &address)?;
        }
        check(&self.by_account, &Sha256::digest(email).into())
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

    #[test]
    fn an_account_is_limited_whatever_the_address_and_an_address_whatever_the_account() {
        let limiter = LoginLimiter::new(&LoginConfig { attempts_per_address_per_minute: 5, attempts_per_account_per_minute: 2 });
        let address = |last| Some(IpAddr::from([10, 0, 0, last]));
        assert!(limiter.attempt(address(1), "a@b.cn").is_ok());
        assert!(limiter.attempt(address(2), "a@b.cn").is_ok());
        assert!(matches!(limiter.attempt(address(3), "a@b.cn"), Err(Error::TooMany { retry_after_seconds: 1..=60 })));
        for i in 0..5 {
            assert!(limiter.attempt(address(9), &format!("{i}@b.cn")).is_ok());
        }
        assert!(limiter.attempt(address(9), "other@b.cn").is_err());
    }
}
