//! `verify PROOF KEY PUBLIC_DATA`: says whether the proof proves the public data under the key, or why not.
//!
//! Exit code 0: accepted. 1: not. 2: not asked properly.

use novation_verifier::check::verify_files;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [proof, key, data] = arguments.as_slice() else {
        eprintln!("usage: verify PROOF.json VERIFICATION_KEY.json PUBLIC_DATA.json");
        return ExitCode::from(2);
    };
    match verify_files(proof, key, data) {
        Ok(()) => {
            println!("accepted");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("not accepted: {error}");
            ExitCode::FAILURE
        }
    }
}
