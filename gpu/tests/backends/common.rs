//! What the backend tests share.

use crate::emulation::Emulated;
use ark_bn254::Fr;
use ark_ff::{Field, UniformRand};
use novation_gpu::cuda::CudaBackend;
use novation_gpu::{choose, Backend, Matrices, MatricesBuilder};
use rand_chacha::rand_core::{RngCore, SeedableRng};
pub use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, OnceLock};

/// Every backend that this machine can run, and the CUDA backend on emulated kernels.
pub fn backends() -> Vec<Arc<dyn Backend>> {
    static EMULATED: OnceLock<Option<Arc<dyn Backend>>> = OnceLock::new();
    let emulated = EMULATED.get_or_init(|| {
        let (device, _) = Emulated::new(8 << 30)?;
        Some(Arc::new(CudaBackend::new(device, 1).unwrap()))
    });
    let mut all = ["cpu", "cpu:5", "reference", "dual"].map(|name| choose(name).unwrap().backend).to_vec();
    all.extend(emulated.clone());
    all
}

/// A generator of random numbers from a printed seed.
pub fn rng(seed: u64) -> ChaCha8Rng {
    println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// A random satisfied system of `rows` constraints with `public` public wires (the constant included): random sparse
/// combinations of earlier wires multiplied, the product a new wire.
pub fn random_system(rng: &mut ChaCha8Rng, rows: usize, public: usize) -> (Arc<Matrices>, Vec<Fr>) {
    let wires = public + 2 + rows;
    let mut w: Vec<Fr> = (0..public + 2).map(|_| Fr::rand(rng)).collect();
    w[0] = Fr::ONE;
    let mut builder = MatricesBuilder::new(public, wires);
    for row in 0..rows {
        let mut side = |w: &[Fr]| -> (Vec<(u32, Fr)>, Fr) {
            let terms: Vec<(u32, Fr)> = (0..1 + rng.next_u32() % 4)
                .map(|_| {
                    let c = match rng.next_u32() % 4 {
                        0 => Fr::ONE,
                        1 => -Fr::ONE,
                        2 => Fr::from(rng.next_u32()),
                        _ => Fr::rand(rng),
                    };
                    (rng.next_u32() % w.len() as u32, c)
                })
                .collect();
            let value = terms.iter().map(|(v, c)| w[*v as usize] * c).sum();
            (terms, value)
        };
        let ((a, x), (b, y)) = (side(&w), side(&w));
        builder.push(a, b, [((public + 2 + row) as u32, Fr::ONE)]).unwrap();
        w.push(x * y);
    }
    (Arc::new(builder.finish().unwrap()), w)
}
