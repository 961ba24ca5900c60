//! Constraint counts are pinned, and stay under the marks of the project.
//!
//! `NOVATION_BLESS=1 cargo test --release -p novation-circuits --test pins` rewrites the pin.

use novation_circuits::figures;

#[test]
fn counts_are_the_pinned_ones_and_under_the_marks() {
    let counted = figures::count();
    let text = serde_json::to_string_pretty(&counted).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/pins/constraints.json");
    if std::env::var_os("NOVATION_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "constraint counts changed: see the head of this file");
    assert!(counted.account <= 30_000, "{} per account entry", counted.account);
    assert!(counted.order <= 9_000, "{} per order", counted.order);
    assert!(counted.row <= 6_000, "{} per row", counted.row);
}
