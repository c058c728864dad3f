//! What a handler may want to know of the request beside its content.

use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use ipnet::IpNet;
use tracing_actix_web::RequestId;

use super::problem::Locale;
use crate::error::Error;

/// The request's id (also a header of the answer), the caller's language and address.
#[derive(Debug, Clone)]
pub struct RequestContext {
    pub request_id: String,
    pub locale: Locale,
    /// The peer's address, or the one that a trusted proxy has written down.
    pub address: Option<IpAddr>,
}

/// Proxies whose `X-Forwarded-For` is believed; put into the application's data at the start. Anybody else could write what they like.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The caller's address: each proxy appends who it has spoken with, so the last one that is no proxy of ours is the caller.
    fn caller(&self, peer: IpAddr, forwarded: &[&str]) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let hops = forwarded.iter().flat_map(|line| line.split(',')).map(address_in);
        hops.rev().map_while(|hop| hop).find(|hop| !self.trusts(*hop)).unwrap_or(peer)
    }
}

/// An address, which some proxies write with its port.
fn address_in(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip())).or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

fn address_of(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let forwarded: Vec<&str> = request.headers().get_all(header::X_FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    Some(request.app_data::<TrustedProxies>().map_or(peer, |proxies| proxies.caller(peer, &forwarded)))
}

impl RequestContext {
    pub fn of(request: &HttpRequest) -> Self {
        Self { request_id: request_id(request).unwrap_or_default(), locale: locale_of(request), address: address_of(request) }
    }
}

impl FromRequest for RequestContext {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

pub fn request_id(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<RequestId>().map(ToString::to_string)
}

/// What `Accept-Language` prefers of `zh` and `en`; English where it names neither.
pub fn locale_of(request: &HttpRequest) -> Locale {
    let Some(accepted) = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else { return Locale::En };
    let weighted = accepted.split(',').filter_map(|range| {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight: f32 = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok())?;
        match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => Some((weight, Locale::Zh)),
            Some("en") => Some((weight, Locale::En)),
            _ => None,
        }
    });
    // The first of the heaviest.
    weighted.rev().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(Locale::En, |(_, locale)| locale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_who_calls() {
        let proxies = TrustedProxies(vec!["10.0.0.0/24".parse().unwrap()]);
        for (peer, forwarded, caller) in [
            ("192.0.2.9", vec!["198.51.100.1"], "192.0.2.9"),
            ("10.0.0.7", vec!["198.51.100.1"], "198.51.100.1"),
            // What the caller wrote themselves stands before what the proxy has added.
            ("10.0.0.7", vec!["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.7", vec!["198.51.100.1, 10.0.0.8"], "198.51.100.1"),
            ("10.0.0.7", vec!["198.51.100.1", "10.0.0.8"], "198.51.100.1"),
            ("10.0.0.7", vec!["198.51.100.1:51234"], "198.51.100.1"),
            ("10.0.0.7", vec!["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.7", vec!["nonsense"], "10.0.0.7"),
            ("10.0.0.7", vec![], "10.0.0.7"),
        ] {
            assert_eq!(proxies.caller(peer.parse().unwrap(), &forwarded), caller.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }
}
