//! `zonebridge health`: whether a service is ready, for whoever starts and watches it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub struct Arguments {
    /// Where the service listens; the address of the settings when nothing is said.
    #[arg(long)]
    address: Option<SocketAddr>,
}

/// Asks `/health/ready`; prints what it says and fails unless that is yes.
pub fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let mut address = arguments.address.unwrap_or(config.server.listen);
    if address.ip().is_unspecified() {
        // Listening everywhere includes here.
        address.set_ip(if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let (status, body) = ask(address).with_context(|| format!("no answer from http://{address}/health/ready"))?;
    println!("{body}");
    Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One request on one connection, which the answer closes: not worth a client.
fn ask(address: SocketAddr) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    match status {
        Some(status) => Ok((status, body.to_owned())),
        None => bail!("the answer is not HTTP"),
    }
}
