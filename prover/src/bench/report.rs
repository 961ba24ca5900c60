//! What a bench found: JSON (by serde) and a table (by `Display`).

use super::work::Work;
use super::Round;
use crate::progress::Stage;
use novation_gpu::Chosen;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Everything a bench found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What computed.
    pub backend: BackendReport,
    /// Where.
    pub machine: Machine,
    /// One entry a circuit.
    pub sizes: Vec<SizeReport>,
}

/// The backend of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackendReport {
    /// Name, as `--backend` takes it.
    pub name: String,
    /// Why this one, and what it is.
    pub reason: String,
}

/// The machine of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// Threads that compute.
    pub threads: usize,
    /// What the processor calls itself; `null` where the system does not say.
    pub cpu: Option<String>,
    /// One field product of arkworks on one thread, in nanoseconds: the unit of `floor_ratio`.
    pub field_product_ns: f64,
}

impl Machine {
    /// This machine, with the seconds of one field product.
    pub fn detect(product_s: f64) -> Self {
        let name = |text: String| {
            let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            threads: rayon::current_num_threads(),
            cpu: std::fs::read_to_string("/proc/cpuinfo").ok().and_then(name),
            field_product_ns: product_s * 1e9,
        }
    }
}

/// Where the key of a measured circuit came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyOrigin {
    /// It was in the folder of the keys.
    Cached,
    /// It was made in this run. What its maker left in the allocator is in the peak memory.
    Generated,
    /// It came with the circuit.
    Given,
}

/// One circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizeReport {
    /// Name of the circuit.
    pub name: String,
    /// Constraints.
    pub constraints: usize,
    /// Origin of the key.
    pub key: KeyOrigin,
    /// CPU seconds of one proof, pairing check included: the least of the rounds.
    pub ours_cpu_s: f64,
    /// CPU seconds of one proof of ark-groth16, the least of the rounds; `null` if it was not asked or cannot use the key.
    pub ark_cpu_s: Option<f64>,
    /// `ark_cpu_s / ours_cpu_s`.
    pub ratio: Option<f64>,
    /// Microseconds of CPU a constraint, ours.
    pub us_per_constraint: f64,
    /// Wall seconds of the proof with the least CPU time.
    pub wall_s: f64,
    /// Constraints a second of wall time, one proof at a time.
    pub constraints_per_s: f64,
    /// Highest resident size of the process during a proof, key and matrices included; `null` where the system does not say.
    pub peak_bytes: Option<u64>,
    /// Stages of the proof with the least CPU time; their CPU seconds add up to `ours_cpu_s`.
    pub stages: Vec<StageReport>,
}

/// A stage, or several of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageReport {
    /// `load`, `rows`, `quotient` (transforms), `g1` (the sums A and C), `g2` (the sum B), `check`, `rest`.
    pub name: &'static str,
    /// CPU seconds.
    pub cpu_s: f64,
    /// Wall seconds; with a backend that overlaps its stages, the time for which the host waited.
    pub wall_s: f64,
    /// `cpu_s` over the stage's own operation count times a field product ([`super::work`]): 1 is the floor of arkworks'
    /// product. `null` where nothing is counted.
    pub floor_ratio: Option<f64>,
}

/// What the rounds gave.
pub(super) struct Measured {
    pub name: String,
    pub constraints: usize,
    pub key: KeyOrigin,
    pub best: Round,
    pub ark_cpu_s: Option<f64>,
    pub peak_bytes: Option<u64>,
    pub work: Work,
    pub product_s: f64,
}

impl SizeReport {
    pub(super) fn new(measured: Measured) -> Self {
        let Measured { name, constraints, key, best, ark_cpu_s, peak_bytes, work, product_s } = measured;
        SizeReport {
            stages: stages(&best, &work, product_s),
            name,
            constraints,
            key,
            ours_cpu_s: best.cpu_s,
            ark_cpu_s,
            ratio: ark_cpu_s.map(|ark| ark / best.cpu_s),
            us_per_constraint: best.cpu_s * 1e6 / constraints as f64,
            wall_s: best.wall_s,
            constraints_per_s: constraints as f64 / best.wall_s,
            peak_bytes,
        }
    }
}

/// The stages by kind, and what lies outside of them.
fn stages(best: &Round, work: &Work, product_s: f64) -> Vec<StageReport> {
    use Stage::{Check, Load, Quotient, Rows, SumA, SumB, SumC};
    let kinds: [(&'static str, &[Stage], Option<u64>); 6] = [
        ("load", &[Load], Some(work.load)),
        ("rows", &[Rows], Some(work.rows)),
        ("quotient", &[Quotient], Some(work.quotient)),
        ("g1", &[SumA, SumC], Some(work.g1)),
        ("g2", &[SumB], Some(work.g2)),
        ("check", &[Check], None),
    ];
    let mut out = Vec::with_capacity(kinds.len() + 1);
    let (mut cpu_rest, mut wall_rest) = (best.cpu_s, best.wall_s);
    for (name, members, products) in kinds {
        let of_kind = || best.costs.iter().filter(|cost| members.contains(&cost.stage));
        let cpu_s = of_kind().map(|cost| cost.cpu).sum::<Duration>().as_secs_f64();
        let wall_s = of_kind().map(|cost| cost.wall).sum::<Duration>().as_secs_f64();
        // A sum of no terms has no floor to be held against.
        let floor_s = products.filter(|products| *products > 0).map(|products| products as f64 * product_s);
        out.push(StageReport { name, cpu_s, wall_s, floor_ratio: floor_s.map(|floor| cpu_s / floor) });
        cpu_rest -= cpu_s;
        wall_rest -= wall_s;
    }
    out.push(StageReport { name: "rest", cpu_s: cpu_rest.max(0.0), wall_s: wall_rest.max(0.0), floor_ratio: None });
    out
}

impl Report {
    /// A report without sizes yet; `product_s` are the seconds of one field product.
    pub fn new(chosen: &Chosen, product_s: f64) -> Self {
        let backend = BackendReport { name: chosen.backend.name().into(), reason: chosen.reason.clone() };
        Report { backend, machine: Machine::detect(product_s), sizes: Vec::new() }
    }
}

/// A number, or a dash for none.
fn or_dash(value: Option<f64>, decimals: usize) -> String {
    value.map_or("-".into(), |value| format!("{value:.decimals$}"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cores, threads, cpu, field_product_ns } = &self.machine;
        writeln!(f, "backend: {}", self.backend.reason)?;
        let cpu = cpu.as_deref().unwrap_or("processor not known");
        writeln!(f, "machine: {cpu}, {cores} cores, {threads} threads, {field_product_ns:.1} ns a field product")?;
        writeln!(f)?;
        let width = self.sizes.iter().map(|size| size.name.len()).max().unwrap_or(0).max("circuit".len());
        writeln!(
            f,
            "{:<width$} {:>11} {:>10} {:>9} {:>6} {:>7} {:>8} {:>9} {:>13}",
            "circuit",
            "constraints",
            "ours CPU s",
            "ark CPU s",
            "ratio",
            "us each",
            "wall s",
            "peak MiB",
            "constraints/s"
        )?;
        for size in &self.sizes {
            writeln!(
                f,
                "{:<width$} {:>11} {:>10.3} {:>9} {:>6} {:>7.2} {:>8.3} {:>9} {:>13.0}",
                size.name,
                size.constraints,
                size.ours_cpu_s,
                or_dash(size.ark_cpu_s, 3),
                or_dash(size.ratio, 2),
                size.us_per_constraint,
                size.wall_s,
                or_dash(size.peak_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)), 0),
                size.constraints_per_s
            )?;
        }
        for size in &self.sizes {
            writeln!(
                f,
                "\n{}: stages, and how many times their own operation count at that product's speed",
                size.name
            )?;
            for stage in &size.stages {
                let ratio = stage.floor_ratio.map_or(String::new(), |ratio| format!(" {ratio:>6.2} x"));
                writeln!(f, "  {:<8} {:>8.3} CPU s {:>8.3} s{ratio}", stage.name, stage.cpu_s, stage.wall_s)?;
            }
        }
        if self.sizes.iter().any(|size| size.key == KeyOrigin::Generated && size.peak_bytes.is_some()) {
            writeln!(f, "\nA key was made in this run and its maker's memory counts as ours: run again for the peak.")?;
        }
        Ok(())
    }
}
