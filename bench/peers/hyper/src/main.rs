//! Hyper on a current-thread runtime, routed by hand.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

type Answer = Response<Full<Bytes>>;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Serialize)]
struct Identity<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
struct User {
    name: String,
    age: i64,
    #[serde(rename = "email")]
    _email: String,
}

#[derive(Serialize)]
struct Created<'a> {
    ok: bool,
    name: &'a str,
    age: i64,
}

fn answer(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn text(body: impl Into<Bytes>) -> Answer {
    answer("text/plain; charset=utf-8", body)
}

fn json(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(bytes) => answer("application/json", bytes),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn sum(query: &str) -> Option<i64> {
    let mut sum = 0;
    for name in ["a", "b"] {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        sum += value.parse::<i64>().ok()?;
    }
    Some(sum)
}

async fn create(request: Request<Incoming>) -> Answer {
    let Ok(body) = request.into_body().collect().await else {
        return empty(StatusCode::BAD_REQUEST);
    };
    match serde_json::from_slice::<User>(&body.to_bytes()) {
        Ok(user) if !user.name.is_empty() && user.age >= 0 => {
            json(&Created { ok: true, name: &user.name, age: user.age })
        }
        Err(error) if !error.is_data() => empty(StatusCode::BAD_REQUEST),
        Ok(_) | Err(_) => empty(StatusCode::UNPROCESSABLE_ENTITY),
    }
}

async fn handle(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    Ok(match (request.method(), path) {
        (&Method::GET, "/plaintext") => text("Hello, World!"),
        (&Method::GET, "/json") => json(&Message { message: "Hello, World!" }),
        (&Method::GET, "/pipeline") => text("ok"),
        (&Method::GET, "/baseline11") => match sum(request.uri().query().unwrap_or("")) {
            Some(sum) => text(sum.to_string()),
            None => empty(StatusCode::BAD_REQUEST),
        },
        (&Method::POST, "/users") => create(request).await,
        (&Method::GET, _) => match path.strip_prefix("/users/") {
            Some(id) if !id.is_empty() && !id.contains('/') => json(&Identity { id }),
            _ => empty(StatusCode::NOT_FOUND),
        },
        _ => empty(StatusCode::NOT_FOUND),
    })
}

async fn serve(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(async move {
            // A client that goes away ends its own connection only.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service_fn(handle))
                .await;
        });
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|text| text.parse().ok()).unwrap_or(8080);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(port))
}
