//! Databases for tests: SQLite always, PostgreSQL where `NOVATION_TEST_POSTGRES` has the URL of a server's database.
//! Every place in it is a schema of its own.

use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty place for a log.
pub struct Place {
    pub url: String,
    /// Removed with the place.
    _folder: Option<tempfile::TempDir>,
    schema: Option<(String, String)>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// One place in every database there is.
pub async fn places() -> Vec<Place> {
    let mut places = vec![sqlite()];
    match std::env::var("NOVATION_TEST_POSTGRES") {
        Ok(server) => places.push(postgres(server).await),
        Err(_) => println!("skipped on PostgreSQL: NOVATION_TEST_POSTGRES names no server"),
    }
    places
}

pub fn sqlite() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}/log.db", folder.path().display());
    Place { url, _folder: Some(folder), schema: None }
}

async fn postgres(server: String) -> Place {
    let schema = format!("novation_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    run(&server, &format!("CREATE SCHEMA {schema}")).await;
    let url = format!("{server}{}options[search_path]={schema}", if server.contains('?') { '&' } else { '?' });
    Place { url, _folder: None, schema: Some((server, schema)) }
}

/// Runs a statement behind the store's back.
pub async fn run(url: &str, statement: &str) {
    let text = sqlx::AssertSqlSafe(statement.to_owned());
    if url.starts_with("sqlite:") {
        let options = sqlx::sqlite::SqliteConnectOptions::from_str(url).unwrap();
        let mut connection = options.connect().await.unwrap();
        sqlx::query(text).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let options = sqlx::postgres::PgConnectOptions::from_str(url).unwrap();
        let mut connection = options.connect().await.unwrap();
        sqlx::query(text).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Place {
    /// Gives the place back. After a failed test it stays to be looked at.
    pub async fn clear(self) {
        if let Some((server, schema)) = &self.schema {
            run(server, &format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}
