//! Passwords: strength by zxcvbn, Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), off the async threads.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, FieldError, Message, Result};

const MIN_CHARS: usize = 8;
const MAX_CHARS: usize = 128;
/// 0 to 4; 3 is "safely unguessable" against an online attack and moderate offline ones.
const MIN_STRENGTH: u8 = 3;

/// Each hash takes 19 MiB and a core for tens of milliseconds: more at once than cores would only queue in memory.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from))));

/// The hash of a password that nobody has, so that an unknown address takes as long as a known one.
static DUMMY: LazyLock<Option<String>> = LazyLock::new(|| hasher().ok()?.hash_password(b"nobody has this password").ok().map(|hash| hash.to_string()));

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| Error::internal(anyhow::anyhow!("argon2 parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Checks a new password and hashes it.
pub async fn hash_new(pointer: &'static str, password: String, related: Vec<String>) -> Result<String> {
    let length = password.chars().count();
    if !(MIN_CHARS..=MAX_CHARS).contains(&length) {
        return Err(Error::invalid(FieldError::new(
            pointer,
            "wrong_length",
            Message::new(format!("must have {MIN_CHARS} to {MAX_CHARS} characters"), format!("长度必须为{MIN_CHARS}至{MAX_CHARS}个字符")),
        )));
    }
    off_the_async_threads(move || {
        let related: Vec<&str> = related.iter().map(String::as_str).collect();
        if u8::from(zxcvbn::zxcvbn(&password, &related).score()) < MIN_STRENGTH {
            return Err(Error::invalid(FieldError::new(
                pointer,
                "too_weak",
                Message::new("is too easy to guess: use several unrelated words, or a longer mix of characters", "过于容易猜到：请使用几个互不相关的词，或更长的混合字符"),
            )));
        }
        hasher()?.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|error| Error::internal(anyhow::anyhow!("argon2: {error}")))
    })
    .await
}

/// Whether the password is the one of `hash`. Without a hash it takes the same time and says no.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    off_the_async_threads(move || {
        let known = hash.is_some();
        let Some(hash) = hash.or_else(|| DUMMY.clone()) else { return Ok(false) };
        let parsed = PasswordHash::new(&hash).map_err(|error| Error::internal(anyhow::anyhow!("a stored hash is malformed: {error}")))?;
        // A longer one was never accepted; hashing it would only be a way to keep us busy.
        let plausible = password.chars().count() <= MAX_CHARS;
        let password = if plausible { password.as_bytes() } else { b"".as_slice() };
        Ok(hasher()?.verify_password(password, &parsed).is_ok() && known && plausible)
    })
    .await
}

async fn off_the_async_threads<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let permit = Arc::clone(&AT_ONCE).acquire_owned().await.map_err(Error::internal)?;
    let working = tokio::task::spawn_blocking(move || {
        // Held by the work, which goes on where a caller has gone away.
        let _permit = permit;
        work()
    });
    working.await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_are_argon2id_with_the_recommended_parameters() {
        let hash = hash_new("/password", "Quiet-river-lantern-42".into(), vec![]).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("Quiet-river-lantern-42".into(), Some(hash.clone())).await.unwrap());
        assert!(!verify("quiet-river-lantern-42".into(), Some(hash)).await.unwrap());
        assert!(!verify("nobody has this password".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn weak_and_overlong_passwords_are_refused() {
        for weak in ["short", "password", "12345678901", "founder@startup.example"] {
            assert!(hash_new("/password", weak.into(), vec!["founder@startup.example".into()]).await.is_err(), "{weak}");
        }
        assert!(hash_new("/password", "x9".repeat(65), vec![]).await.is_err());
    }
}
