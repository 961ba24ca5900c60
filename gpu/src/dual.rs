//! Two backends side by side, compared after every operation.
//!
//! A wrong kernel usually shows as a proof that does not verify, with no hint where. Under this backend it shows as
//! [`Error::Disagree`] with the name of the operation. Errors are compared as well: both halves must refuse alike.

use crate::backend::{Backend, Limits, Pending, Reduction, Transform};
use crate::error::Error;
use crate::handle::{next_owner, G1Bases, G2Bases, Handle, Owner, Rows, Scalars, System};
use crate::matrices::Matrices;
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use std::sync::Arc;

/// Runs `first` and `second`; answers with `first`'s results.
#[derive(Debug)]
pub struct Dual {
    owner: Owner,
    first: Arc<dyn Backend>,
    second: Arc<dyn Backend>,
}

/// The handles of both halves.
struct Both<K>(Handle<K>, Handle<K>);

impl Dual {
    /// Pairs two backends.
    pub fn new(first: Arc<dyn Backend>, second: Arc<dyn Backend>) -> Self {
        Dual { owner: next_owner(), first, second }
    }

    fn disagree(&self, operation: &'static str) -> Error {
        Error::Disagree { operation, first: self.first.name(), second: self.second.name() }
    }

    /// Both results, if both halves succeeded; their common error, if they refused alike.
    fn agree<T, U>(
        &self,
        operation: &'static str,
        first: Result<T, Error>,
        second: Result<U, Error>,
    ) -> Result<(T, U), Error> {
        match (first, second) {
            (Ok(a), Ok(b)) => Ok((a, b)),
            (Err(a), Err(b)) if a == b => Err(a),
            _ => Err(self.disagree(operation)),
        }
    }

    fn same<T: PartialEq>(
        &self,
        operation: &'static str,
        first: Result<T, Error>,
        second: Result<T, Error>,
    ) -> Result<T, Error> {
        let (a, b) = self.agree(operation, first, second)?;
        if a == b {
            Ok(a)
        } else {
            Err(self.disagree(operation))
        }
    }

    /// Wraps a pair of handles. Lengths must agree too.
    fn pair<K: crate::handle::Kind + 'static>(
        &self,
        operation: &'static str,
        first: Result<Handle<K>, Error>,
        second: Result<Handle<K>, Error>,
    ) -> Result<Handle<K>, Error> {
        let (a, b) = self.agree(operation, first, second)?;
        if a.len() != b.len() {
            return Err(self.disagree(operation));
        }
        Ok(Handle::new(self.owner, a.len(), Both(a, b)))
    }
}

impl Backend for Dual {
    fn name(&self) -> &'static str {
        "dual"
    }

    fn description(&self) -> String {
        format!("dual: [{}] checked against [{}]", self.first.description(), self.second.description())
    }

    fn limits(&self) -> Limits {
        let (a, b) = (self.first.limits(), self.second.limits());
        Limits { max_points: a.max_points.min(b.max_points), max_log_domain: a.max_log_domain.min(b.max_log_domain) }
    }

    fn prepare_g1(&self, points: Vec<G1Affine>, first: usize) -> Result<G1Bases, Error> {
        let copy = points.clone();
        self.pair("prepare_g1", self.first.prepare_g1(points, first), self.second.prepare_g1(copy, first))
    }

    fn prepare_g2(&self, points: Vec<G2Affine>, first: usize) -> Result<G2Bases, Error> {
        let copy = points.clone();
        self.pair("prepare_g2", self.first.prepare_g2(points, first), self.second.prepare_g2(copy, first))
    }

    fn prepare_system(&self, matrices: Arc<Matrices>) -> Result<System, Error> {
        let second = self.second.prepare_system(matrices.clone());
        self.pair("prepare_system", self.first.prepare_system(matrices), second)
    }

    fn load(&self, scalars: Vec<Fr>) -> Result<Scalars, Error> {
        let copy = scalars.clone();
        self.pair("load", self.first.load(scalars), self.second.load(copy))
    }

    fn msm_g1<'a>(&'a self, bases: &'a G1Bases, scalars: &'a Scalars) -> Result<Pending<'a, G1Projective>, Error> {
        let (Both(b1, b2), Both(s1, s2)) = (bases.get(self.owner)?, scalars.get(self.owner)?);
        let (first, second) = self.agree("msm_g1", self.first.msm_g1(b1, s1), self.second.msm_g1(b2, s2))?;
        Ok(Pending::new(move || self.same("msm_g1", first.wait(), second.wait())))
    }

    fn msm_g1_all<'a>(&'a self, parts: &[(&'a G1Bases, &'a Scalars)]) -> Result<Pending<'a, G1Projective>, Error> {
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        for (bases, scalars) in parts {
            let (Both(b1, b2), Both(s1, s2)) = (bases.get(self.owner)?, scalars.get(self.owner)?);
            firsts.push((b1, s1));
            seconds.push((b2, s2));
        }
        let (first, second) =
            self.agree("msm_g1_all", self.first.msm_g1_all(&firsts), self.second.msm_g1_all(&seconds))?;
        Ok(Pending::new(move || self.same("msm_g1_all", first.wait(), second.wait())))
    }

    fn msm_g2<'a>(&'a self, bases: &'a G2Bases, scalars: &'a Scalars) -> Result<Pending<'a, G2Projective>, Error> {
        let (Both(b1, b2), Both(s1, s2)) = (bases.get(self.owner)?, scalars.get(self.owner)?);
        let (first, second) = self.agree("msm_g2", self.first.msm_g2(b1, s1), self.second.msm_g2(b2, s2))?;
        Ok(Pending::new(move || self.same("msm_g2", first.wait(), second.wait())))
    }

    fn ntt(&self, values: &mut [Fr], transform: Transform) -> Result<(), Error> {
        let mut copy = values.to_vec();
        let (first, second) = (self.first.ntt(values, transform), self.second.ntt(&mut copy, transform));
        self.same("ntt", first.map(|()| &*values), second.map(|()| &*copy)).map(|_| ())
    }

    fn rows(&self, system: &System, assignment: &Scalars) -> Result<Rows, Error> {
        let (Both(m1, m2), Both(w1, w2)) = (system.get(self.owner)?, assignment.get(self.owner)?);
        self.pair("rows", self.first.rows(m1, w1), self.second.rows(m2, w2))
    }

    fn quotient(&self, rows: Rows, reduction: Reduction) -> Result<Scalars, Error> {
        let Both(r1, r2) = rows.get(self.owner)?;
        let first = self.first.quotient(r1.clone(), reduction);
        let second = self.second.quotient(r2.clone(), reduction);
        let (first, second) = self.agree("quotient", first, second)?;
        self.same("quotient", self.first.read(&first), self.second.read(&second))?;
        self.pair("quotient", Ok(first), Ok(second))
    }

    fn read(&self, scalars: &Scalars) -> Result<Vec<Fr>, Error> {
        let Both(a, b) = scalars.get(self.owner)?;
        self.same("read", self.first.read(a), self.second.read(b))
    }
}
