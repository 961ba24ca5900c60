//! arkworks as a backend: its own sums and transforms, called plainly, with a textbook quotient of seven transforms.
//!
//! Nothing here is shared with [`crate::cpu`] but the field, so the two agreeing means something. For tests.

use crate::backend::{Backend, Limits, Pending, Reduction, Transform, MAX_LOG_SIZE};
use crate::cpu::check_ntt;
use crate::error::Error;
use crate::handle::{next_owner, G1Bases, G2Bases, Owner, Rows, Scalars, System};
use crate::matrices::Matrices;
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::VariableBaseMSM;
use ark_ff::{AdditiveGroup, FftField, Field};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use std::sync::Arc;

/// See the module documentation.
#[derive(Debug)]
pub struct ReferenceBackend {
    owner: Owner,
}

struct Bases<P> {
    points: Vec<P>,
    first: usize,
}

impl Default for ReferenceBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl ReferenceBackend {
    /// A backend of its own identity.
    pub fn new() -> Self {
        ReferenceBackend { owner: next_owner() }
    }

    fn msm<'a, G: VariableBaseMSM<ScalarField = Fr>>(
        bases: &'a Bases<G::MulBase>,
        scalars: &'a [Fr],
    ) -> Result<Pending<'a, G>, Error> {
        let span = bases.first + bases.points.len();
        let window = scalars.get(bases.first..span).ok_or(Error::SpanPastScalars { span, scalars: scalars.len() })?;
        Ok(Pending::new(move || Ok(G::msm_unchecked(&bases.points, window))))
    }

    fn check_len(&self, what: &'static str, len: usize) -> Result<(), Error> {
        let max = self.limits().max_points;
        if len > max {
            return Err(Error::TooLarge { what, len, max });
        }
        Ok(())
    }
}

impl Backend for ReferenceBackend {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn description(&self) -> String {
        "reference: arkworks' own routines, slow, for tests".into()
    }

    fn limits(&self) -> Limits {
        Limits { max_points: 1 << MAX_LOG_SIZE, max_log_domain: MAX_LOG_SIZE }
    }

    fn prepare_g1(&self, points: Vec<G1Affine>, first: usize) -> Result<G1Bases, Error> {
        let span = first + points.len();
        self.check_len("G1 bases", span)?;
        Ok(G1Bases::new(self.owner, span, Bases { points, first }))
    }

    fn prepare_g2(&self, points: Vec<G2Affine>, first: usize) -> Result<G2Bases, Error> {
        let span = first + points.len();
        self.check_len("G2 bases", span)?;
        Ok(G2Bases::new(self.owner, span, Bases { points, first }))
    }

    fn prepare_system(&self, matrices: Arc<Matrices>) -> Result<System, Error> {
        let (needed, max) = (matrices.log_domain(), self.limits().max_log_domain);
        if needed > max {
            return Err(Error::DomainTooLarge { needed, max });
        }
        Ok(System::new(self.owner, matrices.num_constraints(), matrices))
    }

    fn load(&self, scalars: Vec<Fr>) -> Result<Scalars, Error> {
        self.check_len("scalars", scalars.len())?;
        Ok(Scalars::new(self.owner, scalars.len(), scalars))
    }

    fn msm_g1<'a>(&'a self, bases: &'a G1Bases, scalars: &'a Scalars) -> Result<Pending<'a, G1Projective>, Error> {
        let points: &Bases<G1Affine> = bases.get(self.owner)?;
        let vector: &Vec<Fr> = scalars.get(self.owner)?;
        Self::msm(points, vector)
    }

    fn msm_g2<'a>(&'a self, bases: &'a G2Bases, scalars: &'a Scalars) -> Result<Pending<'a, G2Projective>, Error> {
        let points: &Bases<G2Affine> = bases.get(self.owner)?;
        let vector: &Vec<Fr> = scalars.get(self.owner)?;
        Self::msm(points, vector)
    }

    fn ntt(&self, values: &mut [Fr], transform: Transform) -> Result<(), Error> {
        check_ntt(values.len(), transform, self.limits())?;
        let subgroup = domain(values.len());
        let mut x = values.to_vec();
        match transform {
            Transform::Forward => subgroup.fft_in_place(&mut x),
            Transform::Inverse => subgroup.ifft_in_place(&mut x),
            Transform::CosetForward(g) => coset(&subgroup, g).fft_in_place(&mut x),
            Transform::CosetInverse(g) => coset(&subgroup, g).ifft_in_place(&mut x),
        }
        values.copy_from_slice(&x);
        Ok(())
    }

    fn rows(&self, system: &System, assignment: &Scalars) -> Result<Rows, Error> {
        let m: &Arc<Matrices> = system.get(self.owner)?;
        let w: &Vec<Fr> = assignment.get(self.owner)?;
        m.check(w)?;
        let n = 1 << m.log_domain();
        let mut rows = m.abc().map(|matrix| {
            let mut x: Vec<Fr> = (0..m.num_constraints())
                .map(|i| matrix.row(i).iter().map(|&(v, c)| m.coefficients()[c as usize] * w[v as usize]).sum())
                .collect();
            x.resize(n, Fr::ZERO);
            x
        });
        for (i, v) in w[..m.num_instance()].iter().enumerate() {
            rows[0][m.num_constraints() + i] = *v;
        }
        Ok(Rows::new(self.owner, n, rows))
    }

    fn quotient(&self, rows: Rows, reduction: Reduction) -> Result<Scalars, Error> {
        let rows: &[Vec<Fr>; 3] = rows.get(self.owner)?;
        let n = rows[0].len();
        let subgroup = domain(n);
        let target = match reduction {
            Reduction::Coefficients => coset(&subgroup, Fr::GENERATOR),
            Reduction::OddCoset | Reduction::Product => coset(&subgroup, domain(2 * n).group_gen()),
        };
        let [a, b, c] = rows.clone().map(|mut x| {
            subgroup.ifft_in_place(&mut x);
            target.fft_in_place(&mut x);
            x
        });
        let less = |c: &Fr| if reduction == Reduction::Product { Fr::ZERO } else { *c };
        let mut h: Vec<Fr> = a.iter().zip(&b).zip(&c).map(|((a, b), c)| *a * b - less(c)).collect();
        if reduction == Reduction::Coefficients {
            let z = subgroup.evaluate_vanishing_polynomial(Fr::GENERATOR);
            let z_inverse = z.inverse().expect("the generator of the field is in no subgroup");
            h.iter_mut().for_each(|x| *x *= z_inverse);
            target.ifft_in_place(&mut h);
        }
        Ok(Scalars::new(self.owner, n, h))
    }

    fn read(&self, scalars: &Scalars) -> Result<Vec<Fr>, Error> {
        let vector: &Vec<Fr> = scalars.get(self.owner)?;
        Ok(vector.clone())
    }
}

fn domain(n: usize) -> Radix2EvaluationDomain<Fr> {
    Radix2EvaluationDomain::new(n).expect("domains are below 2^28")
}

fn coset(subgroup: &Radix2EvaluationDomain<Fr>, offset: Fr) -> Radix2EvaluationDomain<Fr> {
    subgroup.get_coset(offset).expect("the offset is not zero")
}
