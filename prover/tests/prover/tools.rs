//! snarkjs, where it is installed, and the ceremony script.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CEREMONY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ceremony");

/// Verifies what `export` of these tests wrote.
pub const VERIFY: [&str; 5] = ["groth16", "verify", "key.json", "public.json", "proof.json"];

/// The command in `NOVATION_SNARKJS`, else the one that `npm ci` in `prover/ceremony` puts there. Without it the test is
/// skipped and says so, unless `NOVATION_REQUIRE_TOOLS=1`, as in CI.
pub fn snarkjs() -> Option<PathBuf> {
    let local = Path::new(CEREMONY).join("node_modules/.bin/snarkjs");
    let found = std::env::var_os("NOVATION_SNARKJS").map(PathBuf::from).or_else(|| local.exists().then_some(local));
    match &found {
        Some(command) => println!("runs {}", command.display()),
        None => {
            const MISSING: &str = "no snarkjs: set NOVATION_SNARKJS, or run npm ci in prover/ceremony";
            assert!(std::env::var_os("NOVATION_REQUIRE_TOOLS").is_none_or(|value| value != "1"), "{MISSING}");
            println!("skipped: {MISSING}");
        }
    }
    found
}

/// Runs snarkjs in a folder.
pub fn run(snarkjs: &Path, folder: &Path, args: &[&str]) -> Output {
    let output = Command::new(snarkjs).current_dir(folder).args(args).output().unwrap();
    println!("{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    output
}

/// Runs `ceremony.sh` on `circuit.r1cs` of a folder, into its folder `out`.
pub fn ceremony(snarkjs: &Path, folder: &Path, settings: &[(&str, &Path)]) {
    let output = Command::new("bash")
        .arg(Path::new(CEREMONY).join("ceremony.sh"))
        .args([folder.join("circuit.r1cs"), folder.join("out")])
        .env("NOVATION_SNARKJS", snarkjs)
        .env("ENTROPY", "no secret: a test")
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "ceremony.sh failed");
}
