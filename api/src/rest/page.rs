//! The page for people: files of `api/page`, in the binary.

use super::error::ApiError;
use super::ApiState;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::Router;

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_str!(concat!("../../page/", $name)))
    };
}

/// Name, type and content of what lies under `/assets`.
const ASSETS: &[(&str, &str, &str)] = &[
    file!("style.css", "text/css; charset=utf-8"),
    file!("icon.svg", "image/svg+xml"),
    file!("account-view.js", SCRIPT),
    file!("account.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("batches.js", SCRIPT),
    file!("crypto.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("format.js", SCRIPT),
    file!("leaf.js", SCRIPT),
    file!("main.js", SCRIPT),
    file!("margin.js", SCRIPT),
    file!("markets.js", SCRIPT),
    file!("scenarios.js", SCRIPT),
    file!("wire.js", SCRIPT),
];

const INDEX: &str = include_str!("../../page/index.html");

/// `/` and `/assets/{file}`.
pub(super) fn router() -> Router<ApiState> {
    let index = || async { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], INDEX) };
    Router::new().route("/", get(index)).route("/assets/{file}", get(asset))
}

async fn asset(Path(file): Path<String>) -> Response {
    match ASSETS.iter().find(|(name, _, _)| *name == file) {
        Some((_, kind, content)) => ([(header::CONTENT_TYPE, *kind)], *content).into_response(),
        None => ApiError::not_found("no_file", format!("the page has no file `{file}`")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served_but_its_index_and_its_tests() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<String> = entries
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name != "index.html" && name != "package.json")
            .collect();
        files.sort();
        let mut served: Vec<&str> = ASSETS.iter().map(|(name, _, _)| *name).collect();
        served.sort_unstable();
        assert_eq!(files, served);
    }
}
