//! Multi-scalar multiplication: digits, sort, bucket sums. The kernels are described in `cuda/{digits,sort,msm}.cuh`.

// Launches of kernels: each block says why its arguments are right.
#![allow(unsafe_code)]

use super::curve::{self, Group};
use super::device::{Buffer, Device, Queues, Work};
use super::plan::{Plan, MAX_TABLES};
use crate::error::Error;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Zero};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Bytes of a scalar, a magnitude or a biased magnitude.
const SCALAR: usize = 32;
/// Bytes of a sorted entry.
const ENTRY: usize = 8;
/// Threads of a block of all kernels for points (`THREADS` in `cuda/kernels.cu`), and of all others.
const POINT_BLOCK: u32 = 128;
const BLOCK: u32 = 256;
/// Tiles of a sort pass at most: one block adds up their counts, one tile after the other.
const MAX_TILES: usize = 512;
/// Terms of a tile at least.
const MIN_TILE: usize = 4096;
/// Threads that fill a card: 132 multiprocessors of 512 and more.
const FULL: usize = 1 << 16;
/// Partial sums that a thread of a later level adds up.
const LATER_PIECE: usize = 16;
/// Buckets that a thread weighs.
const WEIGH_PIECE: usize = 16;

/// Points of G1 that a key has for each of its wires: A and L, and B in G2, whose points are twice as long. H has one for each row.
const WIRE_POINTS: usize = 4;
/// Bytes of a point of G1, affine and as a sum (XYZZ).
const POINT: usize = 64;
const SUM: usize = 128;

/// How sums are cut, by their span. Sets of one key have the same span: with the same plan they share one sort of their scalars.
#[derive(Default)]
pub(super) struct Plans(Mutex<HashMap<usize, Plan>>);

impl Plans {
    /// The plan for a set of bases, of which each multiple takes `bytes`. A key with its multiples may take five eighths of the
    /// memory that is free before its first set is loaded, and leaves room for a proof; without multiples it may take all.
    fn choose(&self, span: usize, bytes: usize, max_tables: usize, free: usize) -> Plan {
        let mut plans = self.0.lock().expect("no panic while plans are locked");
        let fits = |plan: &Plan| plan.tables() <= max_tables && plan.tables() * bytes + proof_bytes(plan, span) <= free;
        if let Some(plan) = plans.get(&span).filter(|plan| fits(plan)) {
            return *plan;
        }
        let domain = span.next_power_of_two();
        let key = (WIRE_POINTS * span + domain) * POINT;
        let room = |plan: &Plan| plan.tables() * key + proof_bytes(plan, span) <= free;
        let most = max_tables.min(free / 8 * 5 / key).clamp(1, MAX_TABLES);
        let plan = (1..=most).rev().map(|tables| Plan::best(span, tables)).find(room);
        let plan = plan.unwrap_or_else(|| Plan::best(span, 1));
        plans.insert(span, plan);
        plan
    }
}

/// Bytes of a proof over `span` wires and at most the next power of two of rows, beside its key: what `Vector`, `sort` and
/// `Points::start` allocate, and rows and transforms of a quotient, for full-width scalars and all sums in flight.
fn proof_bytes(plan: &Plan, span: usize) -> usize {
    let domain = span.next_power_of_two();
    let quotient = 6 * domain * SCALAR;
    let vectors = (span + domain) * (2 * SCALAR + 2 * ENTRY);
    // The wires' terms sorted, those of the quotient on the way.
    let sorts = (span + 2 * domain) * plan.windows() * ENTRY;
    // Each level takes an eighth of the one before.
    let partial = |scalars: usize| {
        let terms = scalars * plan.windows();
        2 * terms.div_ceil(first_piece(terms)) * 8 / 7
    };
    // With three sixteenths for their weights.
    let buckets = plan.groups * plan.buckets() * 6 / 5;
    let sums = |scalars: usize, points: usize| points * (partial(scalars) * (SUM + 4) + buckets * SUM);
    quotient + vectors + sorts + sums(span, WIRE_POINTS) + sums(domain, 1)
}

/// Terms that a thread of the first level adds up.
fn first_piece(terms: usize) -> usize {
    (terms / FULL).clamp(8, 64)
}

/// A loaded vector of scalars.
pub(super) struct Vector<D: Device> {
    /// Montgomery form, four limbs each.
    pub(super) values: Arc<Buffer<D>>,
    pub(super) len: usize,
    sorts: Mutex<Sorts<D>>,
}

/// What sums have computed of a vector, for the next sum over it: A, B and L of a proof share it.
struct Sorts<D: Device> {
    classes: Option<Arc<Classes<D>>>,
    by_plan: HashMap<Plan, Arc<Sorted<D>>>,
}

/// Scalars in order of class, zeros left out.
struct Classes<D: Device> {
    magnitudes: Arc<Buffer<D>>,
    order: Arc<Buffer<D>>,
    small: usize,
    terms: usize,
}

/// Terms sorted by bucket.
struct Sorted<D: Device> {
    entries: Arc<Buffer<D>>,
    count: usize,
}

/// Points in the card's keeping.
pub(super) struct Points<D: Device> {
    points: Arc<Buffer<D>>,
    slots: Option<Arc<Buffer<D>>>,
    /// Finite points.
    count: usize,
    first: usize,
    /// Points, infinities included.
    span: usize,
    plan: Plan,
}

fn blocks(threads: usize, block: u32) -> usize {
    threads.div_ceil(block as usize).max(1)
}

impl<D: Device> Vector<D> {
    pub(super) fn new(values: Arc<Buffer<D>>, len: usize) -> Self {
        Vector { values, len, sorts: Mutex::new(Sorts { classes: None, by_plan: HashMap::new() }) }
    }

    fn classify(&self, work: &mut Work<D>) -> Result<Classes<D>, Error> {
        let n = self.len;
        let magnitudes = work.allocate("magnitudes of scalars", n, SCALAR)?;
        let entries = work.allocate("scalars in order of class", n, ENTRY)?;
        let counts = work.zeroed("classes of scalars", 1, 8)?;
        let arguments = work
            .arguments()
            .buffer(&self.values, n * SCALAR)
            .word(n)
            .buffer(&magnitudes, n * SCALAR)
            .buffer(&entries, n * ENTRY)
            .buffer(&counts, 8);
        // SAFETY: as `classify` is declared; a thread a scalar.
        unsafe { work.launch("classify", blocks(n, BLOCK), BLOCK, arguments)? };
        // Keys 0 and 1, and NO_KEY, whose low bits are ones.
        let order = sort(work, entries, n, 2)?;
        let counts = work.read(&counts, 1)?[0];
        let (small, dense) = (counts as u32 as usize, (counts >> 32) as usize);
        Ok(Classes { magnitudes, order, small, terms: small + dense })
    }

    /// The terms under a plan, sorted; computed once.
    fn sorted(&self, plan: Plan, device: &D, queues: &Queues<D>) -> Result<Arc<Sorted<D>>, Error> {
        let mut sorts = self.sorts.lock().map_err(|_| poisoned())?;
        if let Some(sorted) = sorts.by_plan.get(&plan) {
            return Ok(sorted.clone());
        }
        let mut work = Work::new(device, queues)?;
        let classes = match &sorts.classes {
            Some(classes) => classes.clone(),
            None => Arc::new(self.classify(&mut work)?),
        };
        let Classes { small, terms, .. } = *classes;
        let (windows, low) = (plan.windows(), plan.small_windows());
        let count = terms * low + (terms - small) * (windows - low);
        let entries = work.allocate("terms of a sum", count, ENTRY)?;
        let arguments = work
            .arguments()
            .buffer(&classes.magnitudes, self.len * SCALAR)
            .buffer(&classes.order, terms * ENTRY)
            .word(terms)
            .word(small)
            .structure(16, |s| s.limbs(plan.bias()).word(plan.width).word(windows).word(plan.groups).word(low))
            .buffer(&entries, count * ENTRY);
        // SAFETY: as `digits` is declared; the entries of all terms and windows fit `count`.
        unsafe { work.launch("digits", blocks(terms, BLOCK), BLOCK, arguments)? };
        // One bit more than the buckets need: NO_KEY must stay apart from the last bucket.
        let bits = usize::BITS - (plan.groups * plan.buckets()).leading_zeros();
        let entries = sort(&mut work, entries, count, bits)?;
        work.finish()?;
        sorts.classes = Some(classes);
        let sorted = Arc::new(Sorted { entries, count });
        sorts.by_plan.insert(plan, sorted.clone());
        Ok(sorted)
    }
}

fn poisoned() -> Error {
    Error::Device { operation: "sort", message: "an earlier sum over these scalars panicked".into() }
}

/// Entries sorted by the low `bits` of their keys.
fn sort<D: Device>(work: &mut Work<D>, entries: Arc<Buffer<D>>, n: usize, bits: u32) -> Result<Arc<Buffer<D>>, Error> {
    if n == 0 {
        return Ok(entries);
    }
    let tile = n.div_ceil(MAX_TILES).max(MIN_TILE).next_multiple_of(BLOCK as usize);
    let tiles = n.div_ceil(tile);
    let places_bytes = tiles * 256 * 4;
    let places = work.allocate("counts of a sort", places_bytes, 1)?;
    let (mut from, mut to) = (entries, work.allocate("sorted terms", n, ENTRY)?);
    for pass in 0..bits.div_ceil(8) {
        let shift = 8 * pass as usize;
        let list = work.arguments().buffer(&from, n * ENTRY).word(n).word(shift).word(tile);
        let list = list.buffer(&places, places_bytes);
        // SAFETY: as `radix_count` is declared; a block a tile.
        unsafe { work.launch("radix_count", tiles, BLOCK, list)? };
        let list = work.arguments().buffer(&places, places_bytes).word(tiles);
        // SAFETY: as `radix_scan` is declared; one block.
        unsafe { work.launch("radix_scan", 1, BLOCK, list)? };
        let list = work.arguments().buffer(&from, n * ENTRY).buffer(&to, n * ENTRY).word(n).word(shift).word(tile);
        let list = list.buffer(&places, places_bytes);
        // SAFETY: as `radix_scatter` is declared; `places` are those of these entries, so every entry lands inside `to`.
        unsafe { work.launch("radix_scatter", tiles, BLOCK, list)? };
        std::mem::swap(&mut from, &mut to);
    }
    Ok(from)
}

impl<D: Device> Points<D> {
    /// Packs and uploads points, and computes as many multiples as `max_tables` and the free memory allow.
    pub(super) fn new<G: Group>(
        work: &mut Work<D>,
        points: &[Affine<G>],
        first: usize,
        plans: &Plans,
        max_tables: usize,
        free_bytes: usize,
    ) -> Result<Self, Error> {
        let count = points.iter().filter(|p| !p.is_zero()).count();
        let point = 2 * G::WORDS * 8;
        let plan = plans.choose(first + points.len(), count * point, max_tables, free_bytes);
        let all = work.allocate(G::WHAT, count * plan.tables(), point)?;
        work.upload(&all, count * point / 8, &mut curve::write_words(curve::pack(points)))?;
        for table in 1..plan.tables() {
            let list = work
                .arguments()
                .buffer_from(&all, (table - 1) * count * point, count * point)
                .buffer_from(&all, table * count * point, count * point)
                .word(count)
                .word(plan.width * plan.groups);
            // SAFETY: as the kernel is declared; it reads one table and writes the next.
            unsafe { work.launch(G::KERNELS[4], blocks(count, POINT_BLOCK), POINT_BLOCK, list)? };
        }
        let slots = if count < points.len() {
            let pairs = curve::write_words(curve::pairs(curve::slots(points)));
            Some(work.load(G::WHAT, points.len().div_ceil(2), 1, pairs)?)
        } else {
            None
        };
        work.finish()?;
        Ok(Points { points: all, slots, count, first, span: points.len(), plan })
    }

    /// Multiples kept of each point.
    pub(super) fn tables(&self) -> usize {
        self.plan.tables()
    }

    /// Puts in the sum; the closure waits for it.
    pub(super) fn sum<'a, G: Group>(
        &self,
        vector: &Vector<D>,
        device: &'a D,
        queues: &'a Queues<D>,
    ) -> Result<impl FnOnce() -> Result<Projective<G>, Error> + Send + 'a, Error> {
        let mut started = None;
        if self.count > 0 && vector.len > 0 {
            let sorted = vector.sorted(self.plan, device, queues)?;
            if sorted.count > 0 {
                let mut work = Work::new(device, queues)?;
                let sums = self.start::<G>(&mut work, &sorted)?;
                started = Some((work, sums));
            }
        }
        let plan = self.plan;
        Ok(move || {
            let Some((mut work, sums)) = started else { return Ok(Projective::zero()) };
            let point = 4 * G::WORDS;
            let words = work.read(&sums, plan.groups * point)?;
            work.finish()?;
            let mut total = Projective::zero();
            for group in words.chunks_exact(point).rev() {
                for _ in 0..plan.width {
                    total.double_in_place();
                }
                total += curve::unpack::<G>(group);
            }
            Ok(total)
        })
    }

    fn start<G: Group>(&self, work: &mut Work<D>, sorted: &Sorted<D>) -> Result<Arc<Buffer<D>>, Error> {
        let [accumulate, combine, weigh, sum, _] = G::KERNELS;
        let (affine, xyzz) = (2 * G::WORDS * 8, 4 * G::WORDS * 8);
        let Plan { groups, .. } = self.plan;
        let size = self.plan.buckets();
        let total = groups * size;
        let buckets = work.zeroed("buckets", total, xyzz)?;

        // Levels of partial sums, until one thread has all.
        let mut count = sorted.count;
        let mut piece = first_piece(count);
        let mut from = None;
        loop {
            let threads = count.div_ceil(piece);
            let keys = work.allocate("keys of partial sums", 2 * threads, 4)?;
            let sums = work.allocate("partial sums", 2 * threads, xyzz)?;
            let source = work.arguments().structure(8, |s| match &from {
                None => {
                    let s = s.buffer(&sorted.entries, count * ENTRY);
                    let s = s.buffer(&self.points, self.count * self.plan.tables() * affine);
                    let s = match &self.slots {
                        Some(slots) => s.buffer(slots, self.span * 4),
                        None => s.null(),
                    };
                    s.word(self.count).word(self.first).word(self.span)
                }
                Some((keys, sums)) => s.buffer(keys, count * 4).buffer(sums, count * xyzz),
            });
            let list = source.word(count).word(piece).buffer(&buckets, total * xyzz);
            let list = list.buffer(&keys, 2 * threads * 4).buffer(&sums, 2 * threads * xyzz);
            let kernel = if from.is_none() { accumulate } else { combine };
            // SAFETY: as the kernels are declared. Keys are below `total` or NO_KEY; values name scalars, and the kernel
            // checks that they have a point; a thread writes two partial sums.
            unsafe { work.launch(kernel, blocks(threads, POINT_BLOCK), POINT_BLOCK, list)? };
            if threads == 1 {
                break;
            }
            from = Some((keys, sums));
            count = 2 * threads;
            piece = LATER_PIECE;
        }

        let piece = size.min(WEIGH_PIECE);
        let threads = total / piece;
        let [plain, product, weighted] = [
            work.zeroed("sums", threads, xyzz)?,
            work.zeroed("sums", threads, xyzz)?,
            work.zeroed("sums", threads, xyzz)?,
        ];
        let mut list = work.arguments().buffer(&buckets, total * xyzz).word(total).word(size).word(piece);
        for buffer in [&plain, &product, &weighted] {
            list = list.buffer(buffer, threads * xyzz);
        }
        // SAFETY: as the kernels are declared; a thread uses its own place in the three vectors.
        unsafe { work.launch(weigh, blocks(threads, POINT_BLOCK), POINT_BLOCK, list)? };
        let sums = work.allocate("sums", groups, xyzz)?;
        let per_group = threads / groups;
        let list = work.arguments().buffer(&weighted, threads * xyzz).word(per_group).buffer(&sums, groups * xyzz);
        // SAFETY: as the kernels are declared; a block a group.
        unsafe { work.launch(sum, groups, POINT_BLOCK, list)? };
        Ok(sums)
    }
}
