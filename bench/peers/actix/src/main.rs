//! Actix Web with one worker thread.

use actix_web::error::{InternalError, JsonPayloadError};
use actix_web::{App, HttpResponse, HttpServer, get, post, web};
use serde::{Deserialize, Serialize};

const TEXT: &str = "text/plain; charset=utf-8";

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

#[get("/plaintext")]
async fn plaintext() -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body("Hello, World!")
}

#[get("/json")]
async fn json() -> HttpResponse {
    HttpResponse::Ok().json(Message { message: "Hello, World!" })
}

#[get("/users/{id}")]
async fn user(id: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok().json(Identity { id: &id })
}

#[post("/users")]
async fn create(body: web::Json<User>) -> HttpResponse {
    let User { name, age, .. } = body.into_inner();
    if name.is_empty() || age < 0 {
        return HttpResponse::UnprocessableEntity().finish();
    }
    HttpResponse::Ok().json(Created { ok: true, name, age })
}

#[get("/baseline11")]
async fn baseline(terms: web::Query<Terms>) -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body((terms.a + terms.b).to_string())
}

#[get("/pipeline")]
async fn pipeline() -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body("ok")
}

/// Data that does not fit the type is the client's 422; bytes that are no JSON are its 400.
fn refuse(error: JsonPayloadError) -> actix_web::Error {
    let response = match &error {
        JsonPayloadError::Deserialize(cause) if cause.is_data() => {
            HttpResponse::UnprocessableEntity().finish()
        }
        _ => HttpResponse::BadRequest().finish(),
    };
    InternalError::from_response(error, response).into()
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|text| text.parse().ok()).unwrap_or(8080);
    HttpServer::new(|| {
        App::new()
            .app_data(web::JsonConfig::default().error_handler(|error, _| refuse(error)))
            .service(plaintext)
            .service(json)
            .service(create)
            .service(user)
            .service(baseline)
            .service(pipeline)
    })
    .workers(1)
    .backlog(4096)
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
