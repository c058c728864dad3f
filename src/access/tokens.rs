//! Access tokens: JWTs signed with Ed25519 (`EdDSA`, RFC 8037), 15 minutes long by default, with `kid`; the keys as a JWKS.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::config::TokenConfig;

const ISSUER: &str = "zonebridge";
/// How far the clocks of two instances may differ.
const LEEWAY_SECONDS: i64 = 5;
/// How many tokens are remembered whose signature was good.
const REMEMBERED: usize = 20_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    /// The account.
    pub sub: Uuid,
    /// The session; a revoked one ends its access tokens too.
    pub sid: Uuid,
    pub iat: i64,
    pub exp: i64,
}

/// A public key as JSON Web Key (RFC 7517, RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicKey {
    #[schema(example = "OKP")]
    pub kty: String,
    #[schema(example = "Ed25519")]
    pub crv: String,
    pub x: String,
    /// The key's thumbprint (RFC 7638).
    pub kid: String,
    #[schema(example = "EdDSA")]
    pub alg: String,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: String,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeySet {
    pub keys: Vec<PublicKey>,
}

pub struct Tokens {
    signing: EncodingKey,
    kid: String,
    verifying: HashMap<String, DecodingKey>,
    /// By the digest of the token: checking a signature costs as much as all the rest of a short read.
    checked: Cache<[u8; 32], Claims>,
    pub key_set: KeySet,
    pub access_lifetime: Duration,
    pub refresh_lifetime: Duration,
}

impl Tokens {
    /// Reads the signing key, or makes one where the file is missing, and the keys that still verify.
    pub fn load(config: &TokenConfig) -> Result<Self> {
        if !config.key_file.exists() {
            make_key(&config.key_file)?;
        }
        let current = read_key(&config.key_file)?;
        let mut tokens = Self {
            signing: EncodingKey::from_ed_der(&current.pkcs8),
            kid: current.public.kid.clone(),
            verifying: HashMap::new(),
            checked: Cache::new(REMEMBERED),
            key_set: KeySet { keys: Vec::new() },
            access_lifetime: config.access_lifetime,
            refresh_lifetime: config.refresh_lifetime,
        };
        tokens.accept(current.public)?;
        for file in &config.previous_key_files {
            tokens.accept(read_key(file)?.public)?;
        }
        Ok(tokens)
    }

    fn accept(&mut self, key: PublicKey) -> Result<()> {
        self.verifying.insert(key.kid.clone(), DecodingKey::from_ed_components(&key.x)?);
        self.key_set.keys.push(key);
        Ok(())
    }

    pub fn issue(&self, account_id: Uuid, session_id: Uuid) -> Result<String> {
        let now = Utc::now().timestamp();
        let lifetime = i64::try_from(self.access_lifetime.as_secs())?;
        let claims = Claims { iss: ISSUER.into(), sub: account_id, sid: session_id, iat: now, exp: now + lifetime };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        Ok(encode(&header, &claims, &self.signing)?)
    }

    /// The claims of a token that one of our keys signed and that has not expired. A signature is checked once; whether the token has
    /// expired, and at the database whether its session has ended, is asked each time.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.checked.get(&digest) {
            return (claims.exp + LEEWAY_SECONDS >= Utc::now().timestamp()).then_some(claims);
        }
        let claims = self.check(token)?;
        self.checked.insert(digest, claims.clone());
        Some(claims)
    }

    /// The key is chosen by `kid`; the algorithm is never the token's choice.
    fn check(&self, token: &str) -> Option<Claims> {
        let kid = decode_header(token).ok()?.kid?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_SECONDS.unsigned_abs();
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        decode::<Claims>(token, self.verifying.get(&kid)?, &validation).ok().map(|data| data.claims)
    }
}

struct Key {
    pkcs8: Vec<u8>,
    public: PublicKey,
}

fn read_key(path: &Path) -> Result<Key> {
    let text = fs::read_to_string(path).with_context(|| format!("the token key {} cannot be read", path.display()))?;
    let parsed = pem::parse(&text).with_context(|| format!("the token key {} is not PEM", path.display()))?;
    let pkcs8 = parsed.contents().to_vec();
    let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8) else {
        bail!("the token key {} is not an Ed25519 private key in PKCS#8; make one with `openssl genpkey -algorithm ed25519`", path.display());
    };
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let thumbprint = Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
    let public = PublicKey { kty: "OKP".into(), crv: "Ed25519".into(), x, kid: URL_SAFE_NO_PAD.encode(thumbprint), alg: "EdDSA".into(), usage: "sig".into() };
    Ok(Key { pkcs8, public })
}

fn make_key(path: &Path) -> Result<()> {
    let rng = aws_lc_rs::rand::SystemRandom::new();
    let document = Ed25519KeyPair::generate_pkcs8v1(&rng).map_err(|_| anyhow::anyhow!("no token key can be made"))?;
    let text = pem::encode(&pem::Pem::new("PRIVATE KEY", document.as_ref()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    // Written whole under another name first: two instances that start together end up with one key, and neither reads half of it.
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| fs::hard_link(&fresh, path));
    let _ = fs::remove_file(&fresh);
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.with_context(|| format!("the token key {} cannot be written", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path, name: &str, previous: Vec<std::path::PathBuf>) -> TokenConfig {
        TokenConfig { key_file: folder.join(name), previous_key_files: previous, access_lifetime: Duration::from_secs(900), refresh_lifetime: Duration::from_secs(3600) }
    }

    #[test]
    fn tokens_survive_a_rotation_and_other_keys_open_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let old = Tokens::load(&config(folder.path(), "old.pem", vec![])).unwrap();
        let (account, session) = (Uuid::now_v7(), Uuid::now_v7());
        let token = old.issue(account, session).unwrap();
        let rotated = Tokens::load(&config(folder.path(), "new.pem", vec![folder.path().join("old.pem")])).unwrap();
        assert_eq!(rotated.verify(&token).unwrap().sub, account);
        assert_eq!(rotated.key_set.keys.len(), 2);
        let stranger = Tokens::load(&config(folder.path(), "stranger.pem", vec![])).unwrap();
        assert!(stranger.verify(&token).is_none());
    }

    #[test]
    fn an_unsigned_or_symmetric_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::load(&config(folder.path(), "key.pem", vec![])).unwrap();
        let kid = &tokens.key_set.keys[0].kid;
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"zonebridge","sub":"{}","sid":"{}","iat":0,"exp":9999999999}}"#, Uuid::now_v7(), Uuid::now_v7()));
        for header in [format!(r#"{{"alg":"none","kid":"{kid}"}}"#), format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#)] {
            let header = URL_SAFE_NO_PAD.encode(header);
            assert!(tokens.verify(&format!("{header}.{claims}.")).is_none());
            assert!(tokens.verify(&format!("{header}.{claims}.AAAA")).is_none());
        }
    }
}
