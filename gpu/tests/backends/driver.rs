//! The code that drives a card, on an emulated driver that runs everything as late as a driver may.

use crate::common::{random_system, rng};
use crate::compiled::with_emulated_driver;
use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::{Field, UniformRand};
use novation_gpu::dual::Dual;
use novation_gpu::reference::ReferenceBackend;
use novation_gpu::{choose, Backend, Error, Reduction, Transform};
use std::sync::Arc;

/// What a proof asks for, in its order, with all sums in flight at once; `backend` compares.
fn use_all(backend: &dyn Backend, rows: usize, seed: u64) {
    let mut rng = rng(seed);
    let (m, w) = random_system(&mut rng, rows, 3);
    let step = (G1Projective::rand(&mut rng), G2Projective::rand(&mut rng));
    let g1: Vec<G1Projective> = (0..w.len() as u64).map(|i| step.0 * Fr::from(i)).collect();
    let g2: Vec<G2Projective> = (0..w.len() as u64).map(|i| step.1 * Fr::from(i % 7)).collect();
    let (g1, g2) = (G1Projective::normalize_batch(&g1), G2Projective::normalize_batch(&g2));
    let n = 1 << m.log_domain();
    let h_bases: Vec<_> = g1.iter().cycle().take(n).copied().collect();
    let system = backend.prepare_system(m).unwrap();
    let (a, l) = (backend.prepare_g1(g1.clone(), 0).unwrap(), backend.prepare_g1(g1[..rows].to_vec(), 3).unwrap());
    let (b2, h) = (backend.prepare_g2(g2, 0).unwrap(), backend.prepare_g1(h_bases, 0).unwrap());
    for reduction in [Reduction::Coefficients, Reduction::OddCoset, Reduction::Product] {
        let w = backend.load(w.clone()).unwrap();
        let rows = backend.rows(&system, &w).unwrap();
        let sum_b2 = backend.msm_g2(&b2, &w).unwrap();
        let (sum_a, sum_l) = (backend.msm_g1(&a, &w).unwrap(), backend.msm_g1(&l, &w).unwrap());
        let quotient = backend.quotient(rows, reduction).unwrap();
        let sum_h = backend.msm_g1(&h, &quotient).unwrap();
        for sum in [sum_a, sum_l, sum_h] {
            let _ = sum.wait().unwrap();
        }
        let _ = sum_b2.wait().unwrap();
    }
    let mut x: Vec<Fr> = (0..2048).map(|_| Fr::rand(&mut rng)).collect();
    backend.ntt(&mut x, Transform::CosetInverse(Fr::from(5u64))).unwrap();
}

fn dual(name: &str) -> Dual {
    Dual::new(choose(name).unwrap().backend, Arc::new(ReferenceBackend::new()))
}

#[test]
fn proofs_in_flight_at_once_agree_with_arkworks() {
    let said = with_emulated_driver("driver::proofs_in_flight_at_once_agree_with_arkworks", &[], || {
        let auto = choose("auto").unwrap();
        let card = "cuda: Emulated card, device 0, 8 GiB, compute 9.0, driver for CUDA 13.0";
        assert_eq!(auto.reason, format!("auto chose cuda ({card})"));
        assert_eq!(choose("cuda").unwrap().reason, format!("asked for cuda ({card})"));
        let backend = dual("cuda:0");
        std::thread::scope(|s| {
            for seed in 0..3 {
                let backend = &backend;
                s.spawn(move || use_all(backend, 100 + 40 * seed, seed as u64));
            }
        });
    });
    if let Some(said) = said {
        assert!(said.contains("context released: 0 bytes, 0 locked pieces, 0 streams, 0 events left"), "{said}");
    }
}

/// More than all the memory that uploads go through, several at once: a piece that is filled again before the card has read
/// it gives wrong results, because the emulated driver reads it as late as it may.
#[test]
fn long_uploads_wait_for_the_memory_that_they_go_through() {
    with_emulated_driver("driver::long_uploads_wait_for_the_memory_that_they_go_through", &[], || {
        let backend = choose("cuda").unwrap().backend;
        std::thread::scope(|s| {
            for seed in 0..2 {
                let backend = &backend;
                s.spawn(move || {
                    let len = (1 << 19) + 3 + seed;
                    let values: Vec<Fr> = (0..len as u64).map(|i| Fr::from(i * i + seed as u64)).collect();
                    let loaded = backend.load(values.clone()).unwrap();
                    assert!(backend.read(&loaded).unwrap() == values, "{len} scalars came back as others");
                });
            }
        });
    });
}

#[test]
fn another_capability_runs_the_portable_code() {
    let settings = [("NOVATION_FAKE_CUDA_CAPABILITY", "120"), ("NOVATION_FAKE_CUDA_CARDS", "2")];
    with_emulated_driver("driver::another_capability_runs_the_portable_code", &settings, || {
        // On the card and on the CPU, as an operator would check a new machine.
        let checked = choose("dual:cuda:1").unwrap().backend;
        assert!(
            checked.description().starts_with("dual: [cuda: Emulated card, device 1, "),
            "{}",
            checked.description()
        );
        use_all(&*checked, 20, 2);
        let backend = dual("cuda:1");
        assert!(backend.description().contains("device 1, 8 GiB, compute 12.0"), "{}", backend.description());
        use_all(&backend, 20, 1);
    });
}

/// `cuda` under a setting of the driver, and what it says is missing.
fn missing(test: &str, name: &str, settings: &[(&str, &str)], expected: &str) {
    with_emulated_driver(&format!("driver::{test}"), settings, || {
        let missing = format!("{expected}; use `cpu`, or `auto` to take what is there");
        assert_eq!(choose(name).unwrap_err(), Error::Unavailable { name: name.into(), missing });
        let auto = choose("auto").unwrap();
        assert!(name != "cuda" || auto.reason.starts_with(&format!("auto chose cpu: {expected} (")), "{}", auto.reason);
    });
}

#[test]
fn driver_of_an_older_cuda_is_named() {
    let expected = "the driver knows CUDA 12.8, 13.0 is needed: install driver 580 or newer";
    missing("driver_of_an_older_cuda_is_named", "cuda", &[("NOVATION_FAKE_CUDA_VERSION", "12080")], expected);
}

#[test]
fn driver_without_a_card_is_named() {
    let expected = "the driver finds no usable card: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected";
    missing("driver_without_a_card_is_named", "cuda", &[("NOVATION_FAKE_CUDA_CARDS", "0")], expected);
}

#[test]
fn card_that_is_too_old_is_named() {
    let expected = "Emulated card has compute capability 7.5, 8.0 (Ampere) is needed";
    missing("card_that_is_too_old_is_named", "cuda", &[("NOVATION_FAKE_CUDA_CAPABILITY", "75")], expected);
}

#[test]
fn card_number_past_the_last_is_named() {
    let expected = "there is no card number 1: the driver knows 1";
    missing("card_number_past_the_last_is_named", "cuda:1", &[], expected);
}

#[test]
fn checked_card_that_is_absent_is_an_error_too() {
    let expected = "there is no card number 4: the driver knows 1";
    missing("checked_card_that_is_absent_is_an_error_too", "dual:cuda:4", &[], expected);
}

#[test]
fn card_number_in_the_environment_counts() {
    let expected = "there is no card number 2: the driver knows 1";
    missing("card_number_in_the_environment_counts", "cuda", &[("NOVATION_CUDA_DEVICE", "2")], expected);
}

#[test]
fn card_number_that_is_no_number_is_named() {
    let expected = "NOVATION_CUDA_DEVICE is `first`, not a number";
    missing("card_number_that_is_no_number_is_named", "cuda", &[("NOVATION_CUDA_DEVICE", "first")], expected);
}

#[test]
fn kernels_that_do_not_fit_the_memory_are_refused_with_what_does() {
    // 384 KiB for the tables of roots, and a little.
    let settings = [("NOVATION_FAKE_CUDA_MEMORY", "500000")];
    with_emulated_driver("driver::kernels_that_do_not_fit_the_memory_are_refused_with_what_does", &settings, || {
        let backend = choose("cuda").unwrap().backend;
        let max = (500_000 - 32 * ((1 << 13) + (1 << 12))) / 32;
        let expected = Error::TooLarge { what: "scalars", len: 10_000, max };
        assert_eq!(backend.load(vec![Fr::ONE; 10_000]).unwrap_err(), expected);
        // Pieces of other sizes that lie idle are given up for what is asked for.
        for n in [64, 1500, 300, 2000] {
            backend.load(vec![Fr::ONE; n]).unwrap();
        }
    });
}

#[test]
fn a_kernel_that_fails_is_an_error_of_the_device_and_stays_one() {
    let settings = [("NOVATION_FAKE_CUDA_LAUNCHES", "3")];
    with_emulated_driver("driver::a_kernel_that_fails_is_an_error_of_the_device_and_stays_one", &settings, || {
        let backend = choose("cuda").unwrap().backend;
        let failed =
            |operation| Error::Device { operation, message: "CUDA_ERROR_LAUNCH_FAILED: emulated failure".into() };
        let mut x = vec![Fr::ONE; 8];
        // The first launch made the tables of roots.
        backend.ntt(&mut x, Transform::Forward).unwrap();
        backend.ntt(&mut x, Transform::Forward).unwrap();
        assert_eq!(backend.ntt(&mut x, Transform::Forward).unwrap_err(), failed("wait"));
        assert_eq!(backend.load(x).unwrap_err(), failed("create stream"));
    });
}
