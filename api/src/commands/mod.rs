//! What the commands do: arguments in, files and text out. Everything they decide is decided in the crates below.

mod bench;
mod convert;
mod demo;
mod deploy;
mod export;
pub mod figures;
mod keys;
mod node;
mod prove;
mod prover;
pub mod trade;
mod verify;
mod watch;

use crate::cli::{Cli, Command};
use std::io::IsTerminal;
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

/// Runs a command.
///
/// # Errors
/// Whatever stopped it, with what to do about it where there is something to do.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Convert(source) => convert::run(&source),
        Command::Prove(args) => prove::run(&args),
        Command::Prover(args) => prover::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Figures => figures::run(),
        Command::Export(what) => export::run(&what),
        Command::Watch(args) => watch::run(&args),
        Command::Trade(args) => trade::run(&args),
    }
}

/// The folder of the proving keys: as asked for, else `.cache/novation/keys` of the checkout one stands in, else the user's cache.
fn key_folder(asked: Option<&PathBuf>) -> PathBuf {
    const BELOW: &str = "novation/keys";
    if let Some(folder) = asked {
        return folder.clone();
    }
    let checkout = PathBuf::from("Cargo.toml").is_file();
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match (checkout, variable("XDG_CACHE_HOME"), variable("HOME")) {
        (false, Some(cache), _) => cache.join(BELOW),
        (false, None, Some(home)) => home.join(".cache").join(BELOW),
        _ => PathBuf::from(".cache").join(BELOW),
    }
}

/// Logs to standard error. `RUST_LOG` says how much, else `usual` does.
fn log_to_stderr(usual: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false)
        .init();
}
