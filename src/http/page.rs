//! Lists: `{"items": […], "next_cursor": "…"}` and `Link: rel="next"`, never more than 100 at once.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Error, FieldError, Result};

pub const MAX_LIMIT: i64 = 100;
const DEFAULT_LIMIT: i64 = 20;
/// Changes when the layout of cursors does, so that old ones are refused and not misread.
const CURSOR_VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 4;

#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` to read on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T: Serialize> Page<T> {
    pub fn respond(self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if let Some(link) = self.next_cursor.as_deref().and_then(|cursor| next_link(request, cursor)) {
            response.insert_header((header::LINK, link));
        }
        response.json(self)
    }

    /// Makes a page of rows that were read with one more than `limit`.
    pub fn of_rows<R>(mut rows: Vec<R>, limit: i64, id_of: impl Fn(&R) -> Uuid, view: impl Fn(R) -> T) -> Self {
        let keep = usize::try_from(limit).unwrap_or(0);
        let next_cursor = (rows.len() > keep && keep > 0).then(|| {
            rows.truncate(keep);
            encode_cursor(id_of(&rows[keep - 1]).as_bytes())
        });
        Self { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

/// `<path?…&cursor=…>; rel="next"` with the other parameters as they were.
pub fn next_link(request: &HttpRequest, cursor: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(request.query_string()).ok()?;
    let kept = pairs.into_iter().filter(|(name, _)| name != "cursor").chain([("cursor".to_owned(), cursor.to_owned())]);
    let query = serde_urlencoded::to_string(kept.collect::<Vec<_>>()).ok()?;
    Some(format!("<{}?{query}>; rel=\"next\"", request.path()))
}

pub fn limit(asked: Option<i64>) -> Result<i64> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) { Ok(limit) } else { Err(Error::malformed(FieldError::out_of_range("limit", 1, MAX_LIMIT))) }
}

/// Cursors are opaque: version, content, a short checksum against typing errors, in URL-safe Base64.
pub fn encode_cursor(content: &[u8]) -> String {
    let mut bytes = vec![CURSOR_VERSION];
    bytes.extend_from_slice(content);
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum[..CHECKSUM_LEN]);
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode_cursor(cursor: &str) -> Result<Vec<u8>> {
    let wrong = || Error::malformed(FieldError::malformed("cursor", "a cursor of this service: give back the next_cursor as it was", "本服务的游标，请原样传回 next_cursor"));
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    let (content, sum) = bytes.split_at_checked(bytes.len().saturating_sub(CHECKSUM_LEN)).ok_or_else(wrong)?;
    if content.first() != Some(&CURSOR_VERSION) || Sha256::digest(content)[..CHECKSUM_LEN] != *sum {
        return Err(wrong());
    }
    Ok(content[1..].to_vec())
}

/// The cursor of lists in the order of ids.
pub fn id_cursor(cursor: Option<&str>) -> Result<Option<Uuid>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = decode_cursor(cursor)?;
    Uuid::from_slice(&bytes).map(Some).map_err(|_| Error::malformed(FieldError::malformed("cursor", "a cursor of this list", "该列表的游标")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode_cursor(&encode_cursor(&content)).unwrap(), content);
        }

        #[test]
        fn any_other_text_is_refused_and_never_panics(text in "\\PC{0,80}") {
            // The chance that random text carries a valid checksum is one in four thousand million.
            prop_assert!(decode_cursor(&text).is_err());
        }

        #[test]
        fn one_changed_letter_is_noticed(id in any::<u128>(), at in 0_usize..20) {
            let cursor = encode_cursor(&id.to_be_bytes());
            let mut letters: Vec<char> = cursor.chars().collect();
            letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
            let changed: String = letters.into_iter().collect();
            prop_assert!(decode_cursor(&changed).is_err());
        }
    }

    #[test]
    fn limits_are_bounded() {
        assert_eq!(limit(None).unwrap(), 20);
        assert_eq!(limit(Some(100)).unwrap(), 100);
        for wrong in [0, -1, 101, i64::MAX] {
            assert!(limit(Some(wrong)).is_err());
        }
    }
}
