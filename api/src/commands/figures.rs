//! `novation figures`: what is pinned, as JSON. Tests compare the pins with the code; this only prints them.

use serde_json::{json, Value};

/// Constraints, counted by a test of `circuits`.
const CONSTRAINTS: &str = include_str!("../../../circuits/pins/constraints.json");

/// Gas by part, measured by a test of the contracts.
const GAS: &str = include_str!("../../../verifier/contracts/gas.json");

/// Prints the figures.
pub fn run() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&figures()?)?);
    Ok(())
}

/// The figures by name.
///
/// # Errors
/// If a pin is no JSON or lacks a figure.
pub fn figures() -> anyhow::Result<Value> {
    let constraints: Value = serde_json::from_str(CONSTRAINTS)?;
    let mut figures = serde_json::Map::new();
    for name in ["account", "order", "row", "batch_demo", "batch_large"] {
        figures.insert(format!("constraints.{name}"), number(&constraints, name)?);
    }
    let gas: Value = serde_json::from_str(GAS)?;
    for name in ["batch_fixed", "word", "deposit", "withdrawal"] {
        figures.insert(format!("gas.{name}"), number(&gas, name)?);
    }
    Ok(json!(figures))
}

fn number(pins: &Value, name: &str) -> anyhow::Result<Value> {
    match pins.get(name) {
        Some(value) if value.is_u64() => Ok(value.clone()),
        _ => anyhow::bail!("the pin `{name}` is missing: regenerate the pinned files"),
    }
}
