//! Axum on a current-thread runtime. The connections are driven by hyper's builder, so that answers to
//! pipelined requests can be flushed together, which `axum::serve` has no option for.

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Serialize)]
struct Identity {
    id: String,
}

#[derive(Deserialize)]
struct User {
    name: String,
    age: i64,
    #[serde(rename = "email")]
    _email: String,
}

#[derive(Serialize)]
struct Created {
    ok: bool,
    name: String,
    age: i64,
}

#[derive(Deserialize)]
struct Terms {
    a: i64,
    b: i64,
}

async fn create(Json(user): Json<User>) -> Response {
    if user.name.is_empty() || user.age < 0 {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    Json(Created { ok: true, name: user.name, age: user.age }).into_response()
}

fn routes() -> Router {
    Router::new()
        .route("/plaintext", get(async || "Hello, World!"))
        .route("/json", get(async || Json(Message { message: "Hello, World!" })))
        .route("/users", post(create))
        .route("/users/{id}", get(async |Path(id): Path<String>| Json(Identity { id })))
        .route(
            "/baseline11",
            get(async |Query(terms): Query<Terms>| (terms.a + terms.b).to_string()),
        )
        .route("/pipeline", get(async || "ok"))
}

async fn serve(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let service = TowerToHyperService::new(routes());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service.clone();
        tokio::task::spawn_local(async move {
            // A client that goes away ends its own connection only.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|text| text.parse().ok()).unwrap_or(8080);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(port))
}
