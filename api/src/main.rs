//! The `novation` command.

use clap::Parser;
use novation_api::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match novation_api::commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line a cause: the last one is what to act on.
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
