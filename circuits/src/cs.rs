//! The constraint builder: one description of a circuit, three uses.
//!
//! * [`Mode::Shape`] records the matrices and the name of every constraint, once per circuit size.
//! * [`Mode::Witness`] computes the assignment and nothing else: no linear combination is ever materialised, and
//!   [`Cs::parallel`] spreads independent entries over threads.
//! * [`Mode::Check`] computes the assignment and evaluates every constraint, collecting the names of those that fail. The
//!   tests live here, and the sequencer uses it before a fill is announced.
//!
//! Every value the prover chooses passes through [`Cs::alloc`], the one seam at which a test can lie ([`Lie`]). Values that
//! follow are computed from the lie, so what is tested is the strongest prover that differs in that one choice.
//!
//! `ark-relations` keeps symbolic linear combinations and rebuilds matrices for every proof; this builder keeps neither,
//! and is handed to arkworks as finished matrices ([`Matrices`]).

use ark_bn254::Fr;
use ark_ff::{One, Zero};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A linear combination of wires together with its value.
///
/// In [`Mode::Shape`] the value is meaningless; in the other modes `terms` stays empty.
#[derive(Clone, Debug, Default)]
pub struct Lc {
    value: Fr,
    constant: Fr,
    terms: Vec<(u32, Fr)>,
}

impl Lc {
    /// The constant `c`.
    pub fn constant(c: impl Into<Fr>) -> Self {
        let c = c.into();
        Lc { value: c, constant: c, terms: Vec::new() }
    }

    /// The constant 0.
    pub fn zero() -> Self {
        Lc::default()
    }

    /// The constant 1.
    pub fn one() -> Self {
        Lc::constant(Fr::one())
    }

    /// The value under the current assignment (0 in shape mode, unless constant).
    pub fn value(&self) -> Fr {
        self.value
    }

    /// The sum of many combinations, in one allocation.
    pub fn sum<'a>(items: impl IntoIterator<Item = &'a Lc>) -> Lc {
        let mut out = Lc::zero();
        for item in items {
            out += item;
        }
        out
    }

    /// Adds `coefficient * other` in place.
    pub fn add_scaled(&mut self, other: &Lc, coefficient: Fr) {
        self.value += other.value * coefficient;
        self.constant += other.constant * coefficient;
        self.terms.extend(other.terms.iter().map(|(v, c)| (*v, *c * coefficient)));
    }

    /// The same combination with equal wires merged and zero coefficients dropped: what a matrix row stores. Worth calling
    /// on a combination that will be used many times.
    pub fn compact(mut self) -> Lc {
        if self.terms.len() > 1 {
            self.terms.sort_unstable_by_key(|(v, _)| *v);
            let mut kept: Vec<(u32, Fr)> = Vec::with_capacity(self.terms.len());
            for (v, c) in self.terms.drain(..) {
                match kept.last_mut() {
                    Some((last, sum)) if *last == v => *sum += c,
                    _ => kept.push((v, c)),
                }
            }
            kept.retain(|(_, c)| !c.is_zero());
            self.terms = kept;
        }
        self
    }

    fn into_row(self) -> Vec<(u32, Fr)> {
        let constant = self.constant;
        let mut terms = self.compact().terms;
        if !constant.is_zero() {
            terms.insert(0, (0, constant));
        }
        terms
    }
}

impl AddAssign<&Lc> for Lc {
    fn add_assign(&mut self, other: &Lc) {
        self.value += other.value;
        self.constant += other.constant;
        self.terms.extend_from_slice(&other.terms);
    }
}

impl Mul<Fr> for &Lc {
    type Output = Lc;
    fn mul(self, k: Fr) -> Lc {
        let mut out = Lc::zero();
        out.add_scaled(self, k);
        out
    }
}

impl Neg for &Lc {
    type Output = Lc;
    fn neg(self) -> Lc {
        self * -Fr::one()
    }
}

impl Add<&Lc> for Lc {
    type Output = Lc;
    fn add(mut self, other: &Lc) -> Lc {
        self += other;
        self
    }
}

impl Sub<&Lc> for Lc {
    type Output = Lc;
    fn sub(mut self, other: &Lc) -> Lc {
        self.value -= other.value;
        self.constant -= other.constant;
        self.terms.extend(other.terms.iter().map(|(v, c)| (*v, -*c)));
        self
    }
}

macro_rules! forward {
    ($trait:ident, $method:ident) => {
        impl $trait<Lc> for Lc {
            type Output = Lc;
            fn $method(self, other: Lc) -> Lc {
                $trait::$method(self, &other)
            }
        }
        impl $trait<&Lc> for &Lc {
            type Output = Lc;
            fn $method(self, other: &Lc) -> Lc {
                $trait::$method(self.clone(), other)
            }
        }
        impl $trait<Lc> for &Lc {
            type Output = Lc;
            fn $method(self, other: Lc) -> Lc {
                $trait::$method(self.clone(), &other)
            }
        }
    };
}
forward!(Add, add);
forward!(Sub, sub);

impl Neg for Lc {
    type Output = Lc;
    fn neg(self) -> Lc {
        -&self
    }
}

impl Mul<Fr> for Lc {
    type Output = Lc;
    fn mul(self, k: Fr) -> Lc {
        &self * k
    }
}

/// A wire (or linear combination) proven to be 0 or 1. Only gadgets that prove it, or can argue it, construct one.
#[derive(Clone, Debug)]
pub struct Bit(Lc);

impl Bit {
    /// Wraps a combination that the caller has proven to be boolean by other means; say which beside the call.
    pub fn unchecked(lc: Lc) -> Bit {
        Bit(lc)
    }

    /// The constant bit.
    pub fn constant(b: bool) -> Bit {
        Bit(Lc::constant(Fr::from(b)))
    }

    /// The bit as a linear combination.
    pub fn lc(&self) -> &Lc {
        &self.0
    }

    /// `1 - self`.
    pub fn not(&self) -> Bit {
        Bit(Lc::one() - &self.0)
    }

    /// The value under the current assignment.
    pub fn value(&self) -> bool {
        self.0.value.is_one()
    }
}

/// What the builder does with constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Record matrices and names; values are meaningless.
    Shape,
    /// Compute the assignment only.
    Witness,
    /// Compute the assignment and evaluate every constraint.
    Check,
}

/// One lie: the `nth` allocation called `name` in entry `index` of lane `lane` gets `value` instead of the honest hint.
#[derive(Clone, Debug)]
pub struct Lie {
    /// Lane in which the hint is made, as passed to [`Cs::scope`].
    pub lane: &'static str,
    /// Entry of the lane.
    pub index: usize,
    /// Name of the allocation.
    pub name: &'static str,
    /// Which of the allocations of that name in that entry, from 0; a lane that comes back to an entry counts anew.
    pub nth: usize,
    /// The value the prover claims.
    pub value: Fr,
}

/// A value that the prover chose (check mode records them: what there is to lie about).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Lane.
    pub lane: &'static str,
    /// Entry of the lane.
    pub index: usize,
    /// Name of the allocation.
    pub name: &'static str,
    /// What was chosen.
    pub value: Fr,
}

/// A constraint that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// Lane of the constraint.
    pub lane: &'static str,
    /// Entry of the lane.
    pub index: usize,
    /// Name of the constraint: the same in specification, code and tests.
    pub name: &'static str,
}

/// One sparse matrix, rows concatenated (compressed sparse rows).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    /// `starts[i]..starts[i + 1]` are the entries of row `i`.
    pub starts: Vec<usize>,
    /// Column (wire index) of every entry, ascending within a row.
    pub columns: Vec<u32>,
    /// Coefficient of every entry.
    pub coefficients: Vec<Fr>,
}

impl Sparse {
    fn new() -> Self {
        Sparse { starts: vec![0], columns: Vec::new(), coefficients: Vec::new() }
    }

    fn push(&mut self, row: Vec<(u32, Fr)>) {
        for (column, coefficient) in row {
            self.columns.push(column);
            self.coefficients.push(coefficient);
        }
        self.starts.push(self.columns.len());
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The entries of row `i` as (wire, coefficient).
    pub fn row(&self, i: usize) -> impl Iterator<Item = (u32, Fr)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.columns[range.clone()].iter().copied().zip(self.coefficients[range].iter().copied())
    }

    /// Inner product of row `i` with an assignment.
    pub fn dot(&self, i: usize, assignment: &[Fr]) -> Fr {
        self.row(i).map(|(v, c)| assignment[v as usize] * c).sum()
    }
}

/// A finished rank-1 constraint system: `(A w) * (B w) = C w` for the assignment `w`, whose wire 0 is the constant 1,
/// followed by `num_public` public inputs and then the witness.
#[derive(Clone, Debug)]
pub struct Matrices {
    /// Public inputs, without the constant.
    pub num_public: usize,
    /// All wires: 1 + public + witness.
    pub num_wires: usize,
    /// Left factor.
    pub a: Sparse,
    /// Right factor.
    pub b: Sparse,
    /// Product.
    pub c: Sparse,
    /// (lane, name) of every row, by index into [`Matrices::labels`].
    pub row_labels: Vec<u32>,
    /// The distinct (lane, name) pairs.
    pub labels: Vec<(&'static str, &'static str)>,
}

impl Matrices {
    /// Number of constraints.
    pub fn num_constraints(&self) -> usize {
        self.row_labels.len()
    }

    /// Lane and name of row `i`.
    pub fn label(&self, i: usize) -> (&'static str, &'static str) {
        self.labels[self.row_labels[i] as usize]
    }

    /// Constraints per lane.
    pub fn lane_counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for label in &self.row_labels {
            *counts.entry(self.labels[*label as usize].0).or_insert(0) += 1;
        }
        counts
    }

    /// Constraints per (lane, name).
    pub fn name_counts(&self) -> BTreeMap<(&'static str, &'static str), usize> {
        let mut counts = BTreeMap::new();
        for label in &self.row_labels {
            *counts.entry(self.labels[*label as usize]).or_insert(0) += 1;
        }
        counts
    }

    /// Rows that the assignment does not satisfy, as (lane, name), in order.
    pub fn unsatisfied(&self, assignment: &[Fr]) -> Vec<(&'static str, &'static str)> {
        assert_eq!(assignment.len(), self.num_wires, "assignment length");
        (0..self.num_constraints())
            .into_par_iter()
            .filter(|i| self.a.dot(*i, assignment) * self.b.dot(*i, assignment) != self.c.dot(*i, assignment))
            .map(|i| self.label(i))
            .collect()
    }
}

/// The constraint builder. See the module documentation.
pub struct Cs<'l> {
    mode: Mode,
    lies: &'l [Lie],
    seen: BTreeMap<&'static str, usize>,
    lane: &'static str,
    index: usize,
    values: Vec<Fr>,
    num_public: usize,
    constraints: usize,
    failures: Vec<Failure>,
    hints: Vec<Hint>,
    matrices: Option<Matrices>,
    label_ids: BTreeMap<(&'static str, &'static str), u32>,
}

impl<'l> Cs<'l> {
    fn empty(mode: Mode, lies: &'l [Lie]) -> Self {
        Cs {
            mode,
            lies,
            seen: BTreeMap::new(),
            lane: "root",
            index: 0,
            values: Vec::new(),
            num_public: 0,
            constraints: 0,
            failures: Vec::new(),
            hints: Vec::new(),
            matrices: None,
            label_ids: BTreeMap::new(),
        }
    }

    /// A fresh builder; `lies` is empty outside tests.
    pub fn new(mode: Mode, lies: &'l [Lie]) -> Self {
        let mut cs = Self::empty(mode, lies);
        cs.values.push(Fr::one());
        if mode == Mode::Shape {
            cs.matrices = Some(Matrices {
                num_public: 0,
                num_wires: 0,
                a: Sparse::new(),
                b: Sparse::new(),
                c: Sparse::new(),
                row_labels: Vec::new(),
                labels: Vec::new(),
            });
        }
        cs
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Constraints so far.
    pub fn num_constraints(&self) -> usize {
        self.constraints
    }

    /// Sets lane and entry for the names of what follows.
    pub fn scope(&mut self, lane: &'static str, index: usize) {
        self.lane = lane;
        self.index = index;
        self.seen.clear();
    }

    fn push(&mut self, value: Fr) -> Lc {
        match self.mode {
            Mode::Shape => {
                let wire = u32::try_from(self.values.len()).expect("fewer than 2^32 wires");
                self.values.push(Fr::zero());
                Lc { value: Fr::zero(), constant: Fr::zero(), terms: vec![(wire, Fr::one())] }
            }
            _ => {
                self.values.push(value);
                Lc { value, constant: Fr::zero(), terms: Vec::new() }
            }
        }
    }

    /// A public input. All public inputs come before any witness wire.
    pub fn public(&mut self, value: Fr) -> Lc {
        assert_eq!(self.values.len(), 1 + self.num_public, "public inputs come first");
        self.num_public += 1;
        self.push(value)
    }

    /// A wire that the prover chooses; constrain it. `hint` is not called in shape mode.
    pub fn alloc(&mut self, name: &'static str, hint: impl FnOnce() -> Fr) -> Lc {
        if self.mode == Mode::Shape {
            return self.push(Fr::zero());
        }
        let mut value = hint();
        if !self.lies.is_empty() {
            let nth = self.seen.entry(name).or_insert(0);
            for lie in self.lies {
                if lie.name == name && lie.lane == self.lane && lie.index == self.index && lie.nth == *nth {
                    value = lie.value;
                }
            }
            *nth += 1;
        }
        if self.mode == Mode::Check {
            self.hints.push(Hint { lane: self.lane, index: self.index, name, value });
        }
        self.push(value)
    }

    /// `a * b = c`.
    pub fn enforce(&mut self, name: &'static str, a: &Lc, b: &Lc, c: &Lc) {
        self.constraints += 1;
        match self.mode {
            Mode::Witness => {}
            Mode::Check => {
                if a.value * b.value != c.value {
                    self.failures.push(Failure { lane: self.lane, index: self.index, name });
                }
            }
            Mode::Shape => {
                let m = self.matrices.as_mut().expect("shape mode has matrices");
                let next = m.labels.len() as u32;
                let id = *self.label_ids.entry((self.lane, name)).or_insert_with(|| {
                    m.labels.push((self.lane, name));
                    next
                });
                m.row_labels.push(id);
                m.a.push(a.clone().into_row());
                m.b.push(b.clone().into_row());
                m.c.push(c.clone().into_row());
            }
        }
    }

    /// `a = b`, one constraint.
    pub fn enforce_eq(&mut self, name: &'static str, a: &Lc, b: &Lc) {
        self.enforce(name, &(a - b), &Lc::one(), &Lc::zero());
    }

    /// A new wire equal to `a * b`, one constraint.
    pub fn mul(&mut self, name: &'static str, a: &Lc, b: &Lc) -> Lc {
        let (x, y) = (a.value, b.value);
        let product = self.alloc(name, || x * y);
        self.enforce(name, a, b, &product);
        product
    }

    /// A new wire equal to `a^2`, one constraint.
    pub fn square(&mut self, name: &'static str, a: &Lc) -> Lc {
        let x = a.value;
        let product = self.alloc(name, || x * x);
        self.enforce(name, a, a, &product);
        product
    }

    /// A boolean hint, one constraint.
    pub fn bit(&mut self, name: &'static str, hint: impl FnOnce() -> bool) -> Bit {
        let b = self.alloc(name, || Fr::from(hint()));
        self.enforce(name, &b, &(&b - &Lc::one()), &Lc::zero());
        Bit(b)
    }

    /// `bit ? a : b`, one constraint.
    pub fn select(&mut self, name: &'static str, bit: &Bit, a: &Lc, b: &Lc) -> Lc {
        b + self.mul(name, &bit.0, &(a - b))
    }

    /// Runs `f` for entries `0..n` of lane `lane`. In witness and check mode the entries run on all cores, each in a
    /// builder of its own whose wires are appended in order, so the assignment is the one that shape mode numbered.
    ///
    /// `f` may use wires made before this call and wires it makes itself, never those of another entry.
    pub fn parallel<T: Send>(
        &mut self,
        lane: &'static str,
        n: usize,
        f: impl Fn(&mut Cs<'l>, usize) -> T + Sync,
    ) -> Vec<T> {
        let (outer_lane, outer_index) = (self.lane, self.index);
        let out = if self.mode == Mode::Shape {
            (0..n)
                .map(|i| {
                    self.scope(lane, i);
                    f(self, i)
                })
                .collect()
        } else {
            let (mode, lies) = (self.mode, self.lies);
            let parts: Vec<(Cs<'l>, T)> = (0..n)
                .into_par_iter()
                .map(|i| {
                    let mut child = Cs::empty(mode, lies);
                    child.scope(lane, i);
                    let out = f(&mut child, i);
                    (child, out)
                })
                .collect();
            let mut outs = Vec::with_capacity(n);
            for (child, out) in parts {
                self.values.extend_from_slice(&child.values);
                self.constraints += child.constraints;
                self.failures.extend(child.failures);
                self.hints.extend(child.hints);
                outs.push(out);
            }
            outs
        };
        self.scope(outer_lane, outer_index);
        out
    }

    /// The full assignment: 1, public inputs, witness.
    pub fn into_assignment(self) -> Vec<Fr> {
        assert_ne!(self.mode, Mode::Shape, "shape mode has no assignment");
        self.values
    }

    /// What failed so far (check mode).
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Every choice so far, in order (check mode).
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }

    /// The matrices (shape mode).
    pub fn into_matrices(self) -> Matrices {
        let mut m = self.matrices.expect("only shape mode records matrices");
        m.num_public = self.num_public;
        m.num_wires = self.values.len();
        m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square_plus_five(cs: &mut Cs, x: u64, y: u64) {
        let y = cs.public(Fr::from(y));
        cs.scope("demo", 0);
        let x = cs.alloc("x", || Fr::from(x));
        let xx = cs.square("square", &x);
        cs.enforce_eq("sum", &(xx + Lc::constant(5u64)), &y);
    }

    #[test]
    fn matrices_accept_exactly_what_check_mode_accepts() {
        let mut shape = Cs::new(Mode::Shape, &[]);
        square_plus_five(&mut shape, 0, 0);
        let m = shape.into_matrices();
        for (x, y, bad) in [(3, 14, 0), (3, 15, 1)] {
            let mut check = Cs::new(Mode::Check, &[]);
            square_plus_five(&mut check, x, y);
            assert_eq!(check.failures().len(), bad);
            let w = check.into_assignment();
            assert_eq!(m.unsatisfied(&w).len(), bad);
        }
    }

    #[test]
    fn a_lie_reaches_only_the_named_hint_and_what_follows_from_it() {
        let lies = [Lie { lane: "demo", index: 0, name: "x", nth: 0, value: Fr::from(4u64) }];
        let mut check = Cs::new(Mode::Check, &lies);
        square_plus_five(&mut check, 3, 14);
        assert_eq!(check.failures(), [Failure { lane: "demo", index: 0, name: "sum" }]);
        let lies = [Lie { lane: "demo", index: 0, name: "square", nth: 0, value: Fr::from(9u64) }];
        let mut check = Cs::new(Mode::Check, &lies);
        square_plus_five(&mut check, 4, 14);
        assert_eq!(check.failures(), [Failure { lane: "demo", index: 0, name: "square" }]);
    }

    #[test]
    fn parallel_entries_number_their_wires_as_shape_mode_does() {
        let build = |cs: &mut Cs| {
            let k = cs.public(Fr::from(7u64));
            let outs = cs.parallel("lane", 5, |cs, i| {
                let x = cs.alloc("x", || Fr::from(i as u64));
                cs.mul("kx", &x, &k)
            });
            let total = Lc::sum(&outs);
            cs.scope("end", 0);
            cs.enforce_eq("total", &total, &Lc::constant(70u64));
        };
        let mut shape = Cs::new(Mode::Shape, &[]);
        build(&mut shape);
        let m = shape.into_matrices();
        let mut witness = Cs::new(Mode::Witness, &[]);
        build(&mut witness);
        assert_eq!(m.unsatisfied(&witness.into_assignment()), []);
        assert_eq!(m.lane_counts(), BTreeMap::from([("lane", 5), ("end", 1)]));
    }
}
