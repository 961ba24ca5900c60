//! The CUDA kernels on the host: the very sources of `cuda/`, compiled by g++ against the emulation in `cuda/host`, as a
//! device of the backend. Needs no CUDA and no card.

// Loads a shared library and calls its functions. Each block says why that is right.
#![allow(unsafe_code)]

use crate::compiled::compiled;
use novation_gpu::cuda::{Argument, Device, Fill, PIECE_ALIGN};
use novation_gpu::Error;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

type Find = unsafe extern "C" fn(*const c_char) -> c_int;
type Launch = unsafe extern "C" fn(c_int, u32, u32, u32, *mut *mut c_void, usize, usize) -> *const c_char;

/// The loaded library. It is never unloaded.
#[derive(Clone, Copy, Debug)]
struct Kernels {
    find: Find,
    launch: Launch,
}

/// Compiles and loads the kernels once; `None` where g++ is absent.
fn kernels() -> Option<Kernels> {
    static KERNELS: OnceLock<Option<Kernels>> = OnceLock::new();
    *KERNELS.get_or_init(|| {
        let path = compiled("emulate.cpp")?;
        // SAFETY: the library is ours; loading it runs constructors of thread-local and constant data only. It stays for
        // the life of the process, so its symbols may be copied out.
        unsafe {
            let library = Box::leak(Box::new(libloading::Library::new(path).unwrap()));
            let (find, launch) =
                (library.get(b"emulation_find\0").unwrap(), library.get(b"emulation_launch\0").unwrap());
            Some(Kernels { find: *find, launch: *launch })
        }
    })
}

/// A card of the host: its memory is ours, its one queue does everything at once.
#[derive(Debug)]
pub struct Emulated {
    kernels: Kernels,
    state: Arc<State>,
}

/// What tests watch and steer.
#[derive(Debug)]
pub struct State {
    /// Bytes that may be allocated in all.
    pub capacity: usize,
    /// Bytes that are allocated.
    pub used: AtomicUsize,
    /// Launches that still succeed.
    pub launches: AtomicUsize,
}

impl Emulated {
    /// A card with that much memory, `None` where g++ is absent.
    pub fn new(capacity: usize) -> Option<(Self, Arc<State>)> {
        let kernels = kernels()?;
        let state = State { capacity, used: AtomicUsize::new(0), launches: AtomicUsize::new(usize::MAX) };
        let state = Arc::new(state);
        Some((Emulated { kernels, state: state.clone() }, state))
    }

    /// Runs one kernel on slices of words, for tests of single operations: the last one is written.
    pub fn probe(
        &self,
        kernel: &str,
        operation: u32,
        [a, b]: [&[u64]; 2],
        out: &mut [u64],
        count: u32,
        extra: Option<u32>,
    ) {
        let align = |words: &[u64]| -> Vec<u128> {
            words.chunks(2).map(|w| u128::from(w[0]) | u128::from(w[1]) << 64).collect()
        };
        let (a, b) = (align(a), align(b));
        let mut result = vec![0u128; out.len() / 2];
        let mut values = [u64::from(operation), a.as_ptr() as u64, b.as_ptr() as u64, result.as_mut_ptr() as u64];
        let (mut count, mut extra_value) = (u64::from(count), u64::from(extra.unwrap_or(0)));
        let mut pointers: Vec<*mut c_void> = values.iter_mut().map(|v| std::ptr::from_mut(v).cast()).collect();
        pointers.extend([std::ptr::from_mut(&mut count).cast(), std::ptr::from_mut(&mut extra_value).cast()]);
        let (given, bytes) = if extra.is_some() { (6, 36) } else { (5, 32) };
        // SAFETY: the probes take (word, in, in, out, count[, word]); the vectors have `count` elements of what they read
        // and write, as the callers below choose them.
        unsafe { self.call(kernel, (count as u32).div_ceil(32), 32, &mut pointers, given, bytes) }.unwrap();
        for (to, from) in out.chunks_mut(2).zip(result) {
            (to[0], to[1]) = (from as u64, (from >> 64) as u64);
        }
    }

    /// Runs one of the kernels that break a rule: what the emulation says, and what the kernel wrote.
    pub fn misbehave(&self, kernel: &str, which: Option<u32>) -> (Result<(), String>, u32) {
        let mut out = 0u32;
        let (mut which_value, mut address) = (which.unwrap_or(0), std::ptr::from_mut(&mut out) as u64);
        let mut pointers: Vec<*mut c_void> = Vec::new();
        if which.is_some() {
            pointers.push(std::ptr::from_mut(&mut which_value).cast());
        }
        pointers.push(std::ptr::from_mut(&mut address).cast());
        let (given, bytes) = if which.is_some() { (2, 12) } else { (1, 8) };
        // SAFETY: these kernels take ([word,] address of a word).
        let said = unsafe { self.call(kernel, 1, 64, &mut pointers, given, bytes) };
        (said, out)
    }

    /// # Safety
    /// The pointers are those of the kernel's parameters.
    unsafe fn call(
        &self,
        kernel: &str,
        grid: u32,
        block: u32,
        pointers: &mut [*mut c_void],
        given: usize,
        bytes: usize,
    ) -> Result<(), String> {
        let name = CString::new(kernel).unwrap();
        // SAFETY: a name with a zero at its end.
        let index = unsafe { (self.kernels.find)(name.as_ptr()) };
        assert!(index >= 0, "no kernel {kernel}");
        // SAFETY: the caller vouches for the pointers; the library checks their number and the sum of their sizes. What it
        // returns is null or text that lives until the next launch of this thread.
        unsafe {
            let said = (self.kernels.launch)(index, grid, 1, block, pointers.as_mut_ptr(), given, bytes);
            if said.is_null() {
                Ok(())
            } else {
                Err(CStr::from_ptr(said).to_string_lossy().into_owned())
            }
        }
    }
}

/// Marks the end of a piece of memory: a kernel that writes past it is found when the piece is dropped.
const FENCE: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
const FENCES: usize = 16;

/// A piece of memory, filled with garbage at first.
pub struct Memory {
    // Behind a raw pointer: kernels write through addresses that were handed out as integers.
    data: *mut [u128],
    bytes: usize,
    state: Arc<State>,
}

// SAFETY: the memory is owned; what may touch it at the same time is for the backend to order, as on a card.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` in `allocate`, given back once.
        let data = unsafe { Box::from_raw(self.data) };
        assert!(data[data.len() - FENCES..].iter().all(|w| *w == FENCE), "a kernel wrote past the end of its memory");
        self.state.used.fetch_sub(self.bytes, SeqCst);
    }
}

impl Device for Emulated {
    type Memory = Memory;
    type Queue = ();

    fn description(&self) -> String {
        "kernels compiled for the host, for tests".into()
    }
    fn free_bytes(&self) -> Result<usize, Error> {
        Ok(self.state.capacity - self.state.used.load(SeqCst))
    }
    fn allocate(&self, bytes: usize) -> Result<Option<Memory>, Error> {
        if self.state.used.fetch_add(bytes, SeqCst) + bytes > self.state.capacity {
            self.state.used.fetch_sub(bytes, SeqCst);
            return Ok(None);
        }
        let mut data = vec![0xa5a5_a5a5_a5a5_a5a5_a5a5_a5a5_a5a5_a5a5; bytes.div_ceil(16)];
        data.resize(data.len() + FENCES, FENCE);
        Ok(Some(Memory { data: Box::into_raw(data.into_boxed_slice()), bytes, state: self.state.clone() }))
    }
    fn address(&self, memory: &Memory) -> u64 {
        memory.data.cast::<u128>() as u64
    }
    fn queue(&self) -> Result<(), Error> {
        Ok(())
    }
    fn clear(&self, (): &(), memory: &Memory, bytes: usize) -> Result<(), Error> {
        assert!(bytes <= memory.bytes);
        // SAFETY: inside the piece.
        unsafe { memory.data.cast::<u8>().write_bytes(0, bytes) };
        Ok(())
    }
    fn upload(&self, (): &(), memory: &Memory, len: usize, fill: Fill) -> Result<(), Error> {
        assert!(8 * len <= memory.bytes);
        // SAFETY: inside the piece, all of which is initialised; no kernel runs.
        let words = unsafe { std::slice::from_raw_parts_mut(memory.data.cast::<u64>(), len) };
        // The shortest pieces that there may be.
        words.chunks_mut(PIECE_ALIGN).enumerate().for_each(|(i, piece)| fill(i * PIECE_ALIGN, piece));
        Ok(())
    }
    fn download(&self, (): &(), memory: &Memory, data: &mut [u64]) -> Result<(), Error> {
        assert!(size_of_val(data) <= memory.bytes);
        // SAFETY: inside the piece, all of which is initialised; `data` is memory of the test.
        unsafe { data.as_mut_ptr().copy_from_nonoverlapping(memory.data.cast::<u64>(), data.len()) };
        Ok(())
    }
    unsafe fn launch(
        &self,
        (): &(),
        kernel: &'static str,
        grid: u32,
        block: u32,
        arguments: &[Argument],
    ) -> Result<(), Error> {
        let failed = |message| Error::Device { operation: kernel, message };
        if self.state.launches.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_err() {
            return Err(failed("told to fail".into()));
        }
        let mut pointers: Vec<*mut c_void> = arguments.iter().map(|a| a.as_ptr().cast_mut().cast()).collect();
        let bytes = arguments.iter().map(Argument::len).sum();
        // SAFETY: the caller vouches for the arguments.
        unsafe { self.call(kernel, grid, block, &mut pointers, arguments.len(), bytes) }.map_err(failed)
    }
    fn synchronise(&self, (): &()) -> Result<(), Error> {
        Ok(())
    }
}
