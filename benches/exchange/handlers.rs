//! The floor below the service over HTTP: the same web framework in this process, with a handler that does nothing and one that asks tantivy
//! and nothing else.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::floor::Floor;

#[derive(Deserialize)]
struct Question {
    q: String,
}

/// The servers of this process; they end when this is dropped.
pub struct Handlers {
    pub base: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Handlers {
    pub fn start(floor: Arc<Floor>) -> Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let outcome = actix_web::rt::System::new().block_on(serve(floor, &sender));
            if let Err(error) = outcome {
                eprintln!("the bare handlers ended: {error}");
            }
        });
        let (port, handle) = receiver.recv().context("the bare handlers do not start")?;
        Ok(Self { base: format!("http://127.0.0.1:{port}"), handle, thread: Some(thread) })
    }
}

async fn serve(floor: Arc<Floor>, started: &mpsc::Sender<(u16, ServerHandle)>) -> Result<()> {
    let floor = web::Data::from(floor);
    let app = move || App::new().app_data(floor.clone()).route("/bare", web::get().to(bare)).route("/words", web::get().to(words));
    let server = HttpServer::new(app).workers(std::thread::available_parallelism().map_or(2, usize::from)).disable_signals().bind(("127.0.0.1", 0))?;
    let port = server.addrs().first().context("no address")?.port();
    let running = server.run();
    started.send((port, running.handle()))?;
    Ok(running.await?)
}

async fn bare() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

async fn words(floor: web::Data<Floor>, question: web::Query<Question>) -> HttpResponse {
    match floor.ids(&question.q) {
        Ok((ids, total)) => HttpResponse::Ok().json(json!({"ids": ids, "total": total})),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        // The order is given at once; who waits for its end is the thread below.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
