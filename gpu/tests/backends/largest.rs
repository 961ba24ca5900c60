//! What the largest proofs take of a card: the CUDA backend on a device that keeps account of memory and computes nothing. Every
//! length, offset and parameter of a launch passes the backend's own checks.

#![allow(unsafe_code)]

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Field;
use novation_gpu::cuda::{Argument, CudaBackend, Device, Fill, ALL_TABLES, PIECE_ALIGN};
use novation_gpu::{Backend, Error, MatricesBuilder, Reduction};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// Nothing but books.
#[derive(Debug)]
struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    capacity: usize,
    used: usize,
    peak: usize,
    next: u64,
    /// The first words of each piece, which decide what comes next: a wire that is 1, a row that fails, numbers of terms.
    words: HashMap<u64, [u64; 4]>,
    cleared: u64,
    launches: BTreeMap<&'static str, usize>,
}

struct Memory {
    address: u64,
    bytes: usize,
    books: Arc<Mutex<Books>>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut books = self.books.lock().unwrap();
        books.used -= self.bytes;
        books.words.remove(&self.address);
    }
}

impl Device for Ledger {
    type Memory = Memory;
    type Queue = ();

    fn description(&self) -> String {
        "books without a card, for tests".into()
    }
    fn free_bytes(&self) -> Result<usize, Error> {
        let books = self.0.lock().unwrap();
        Ok(books.capacity - books.used)
    }
    fn allocate(&self, bytes: usize) -> Result<Option<Memory>, Error> {
        let mut books = self.0.lock().unwrap();
        if books.used + bytes > books.capacity {
            return Ok(None);
        }
        books.used += bytes;
        books.peak = books.peak.max(books.used);
        let address = books.next + 512;
        books.next = address + bytes as u64;
        books.words.insert(address, [0; 4]);
        Ok(Some(Memory { address, bytes, books: self.0.clone() }))
    }
    fn address(&self, memory: &Memory) -> u64 {
        memory.address
    }
    fn queue(&self) -> Result<(), Error> {
        Ok(())
    }
    fn clear(&self, (): &(), memory: &Memory, bytes: usize) -> Result<(), Error> {
        assert!(bytes <= memory.bytes);
        let mut books = self.0.lock().unwrap();
        books.cleared = memory.address;
        books.words.insert(memory.address, [0; 4]);
        Ok(())
    }
    fn upload(&self, (): &(), memory: &Memory, len: usize, fill: Fill) -> Result<(), Error> {
        assert!(8 * len <= memory.bytes);
        let mut piece = vec![0; 128 * PIECE_ALIGN];
        for at in (0..len).step_by(piece.len()) {
            let end = piece.len().min(len - at);
            fill(at, &mut piece[..end]);
            if at == 0 {
                let first = std::array::from_fn(|i| piece[..end].get(i).copied().unwrap_or(0));
                self.0.lock().unwrap().words.insert(memory.address, first);
            }
        }
        Ok(())
    }
    fn download(&self, (): &(), memory: &Memory, data: &mut [u64]) -> Result<(), Error> {
        assert!(size_of_val(data) <= memory.bytes);
        let first = self.0.lock().unwrap().words[&memory.address];
        data.fill(0);
        data.iter_mut().zip(first).for_each(|(to, from)| *to = from);
        Ok(())
    }
    unsafe fn launch(&self, (): &(), kernel: &'static str, grid: u32, block: u32, _: &[Argument]) -> Result<(), Error> {
        assert!((1..1 << 31).contains(&grid), "{kernel} on {grid} blocks");
        let mut books = self.0.lock().unwrap();
        *books.launches.entry(kernel).or_default() += 1;
        if kernel == "classify" {
            // All scalars are dense, in the upper half of the word that was cleared for their numbers.
            let counts = books.cleared;
            books.words.insert(counts, [u64::from(grid * block) << 32, 0, 0, 0]);
        }
        Ok(())
    }
    fn synchronise(&self, (): &()) -> Result<(), Error> {
        Ok(())
    }
}

/// Opens a key for a domain of `2^log`, all points finite, and makes proofs that are all in flight at once.
fn prove(capacity: usize, log: u32, wires: usize, proofs: usize) -> Result<Books, Error> {
    let books = Arc::new(Mutex::new(Books { capacity, ..Books::default() }));
    let backend = CudaBackend::new(Ledger(books.clone()), ALL_TABLES)?;
    let n = 1usize << log;
    let mut builder = MatricesBuilder::new(4, wires);
    for row in 0..n as u32 / 2 + 1 {
        builder.push([(row, Fr::ONE)], [(row + 1, Fr::ONE)], [(row + 2, Fr::ONE)])?;
    }
    let matrices = Arc::new(builder.finish()?);
    assert_eq!(matrices.log_domain(), log);
    let g1 = |len| vec![G1Affine::generator(); len];
    let system = backend.prepare_system(matrices)?;
    let (a, b2) = (backend.prepare_g1(g1(wires), 0)?, backend.prepare_g2(vec![G2Affine::generator(); wires], 0)?);
    let (l, h) = (backend.prepare_g1(g1(wires), 0)?, backend.prepare_g1(g1(n), 0)?);
    let mut vectors = Vec::new();
    for _ in 0..proofs {
        let w = backend.load(vec![Fr::ONE; wires])?;
        let rows = backend.rows(&system, &w)?;
        vectors.push((w, backend.quotient(rows, Reduction::Product)?));
    }
    let (mut in_g1, mut in_g2) = (Vec::new(), Vec::new());
    for (w, quotient) in &vectors {
        in_g2.push(backend.msm_g2(&b2, w)?);
        in_g1.extend([backend.msm_g1(&a, w)?, backend.msm_g1(&l, w)?, backend.msm_g1(&h, quotient)?]);
    }
    in_g1.into_iter().try_for_each(|sum| sum.wait().map(drop))?;
    in_g2.into_iter().try_for_each(|sum| sum.wait().map(drop))?;
    drop((system, a, b2, l, h, vectors, backend));
    Ok(Arc::into_inner(books).expect("all memory was given back").into_inner().unwrap())
}

/// Opens and proves, and says what it took. A, B and L share a sort: one for the witness and one for the quotient, each with one of
/// the classes of scalars.
fn fits(capacity: usize, log: u32, proofs: usize) {
    let books = prove(capacity, log, 1 << log, proofs).unwrap();
    let multiples = books.launches.get("multiples_g1").copied().unwrap_or(0) / 3;
    println!("2^{log}: {} of {capacity} bytes, {multiples} multiples beside each point", books.peak);
    assert_eq!((books.used, books.launches["digits"], books.launches["classify"]), (0, 2 * proofs, 2 * proofs));
}

#[test]
fn two_proofs_of_the_largest_size_fit_a_card_of_80_gb() {
    fits(79_000_000_000, 24, 2);
}

/// Where keys with all multiples leave no room for a proof, fewer are kept.
#[test]
fn short_memory_is_shared_between_key_and_proof() {
    for (capacity, log) in [(23_700_000_000, 24), (3_100_000_000, 21), (8_000_000_000, 20), (300_000_000, 16)] {
        fits(capacity, log, 1);
    }
}

/// With less and less memory fewer multiples are kept, and at last it is said what does not fit; also where a key has more rows
/// than wires.
#[test]
fn less_memory_is_fewer_multiples_and_then_an_error() {
    for wires in [1 << 16, 5 << 13] {
        let (mut multiples, mut refused) = (Vec::new(), Vec::new());
        for mebibytes in (4..=400).rev().step_by(12) {
            match prove(mebibytes << 20, 16, wires, 1) {
                Ok(books) => {
                    assert!(refused.is_empty(), "{wires} wires: {mebibytes} MiB are enough, and more were not");
                    multiples.push(books.launches.get("multiples_g1").copied().unwrap_or(0));
                }
                Err(Error::TooLarge { what, len, max }) => {
                    assert!(max < len, "{what}: {max} of {len} would fit");
                    refused.push(what);
                }
                Err(e) => panic!("{e}"),
            }
        }
        println!("{wires} wires: multiples {multiples:?}, refused {refused:?}");
        assert!(multiples.is_sorted_by(|more, fewer| more >= fewer), "{multiples:?}");
        assert!(multiples[0] > 0 && multiples.last() == Some(&0) && !refused.is_empty());
    }
}
