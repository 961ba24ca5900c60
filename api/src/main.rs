//! The `novation` command.

use clap::Parser;
use novation_api::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match novation_api::commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line a cause: the last one is what to act on. Most errors quote their cause already.
            let mut said = error.to_string();
            eprintln!("error: {said}");
            for cause in error.chain().skip(1).map(ToString::to_string) {
                if !said.ends_with(&cause) {
                    eprintln!("  because {cause}");
                    said = cause;
                }
            }
            ExitCode::FAILURE
        }
    }
}
