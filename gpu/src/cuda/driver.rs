//! A card, through the CUDA driver that is loaded when a card is asked for. Nothing of CUDA is needed to build or to start.

// The driver's interface is C: handles and addresses that Rust cannot check. Everything unsafe that concerns the card stands
// here and in `staging`; each block says what it relies on.
#![allow(unsafe_code)]

mod staging;

use super::device::{Argument, Device, Fill};
use crate::error::Error;
use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys;
use staging::Staging;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{c_void, CString};
use std::fmt;
use std::sync::{Arc, Mutex};

/// Which card `cuda` and `auto` take, counted from 0 as the driver does.
pub const DEVICE_VARIABLE: &str = "NOVATION_CUDA_DEVICE";

/// CUDA that the driver must know, as it counts: the kernels are compiled by CUDA 13.0.
const LEAST_DRIVER: i32 = 13_000;

/// Machine code for compute capability 9.0, and PTX that the driver compiles for others from 8.0 on.
const CUBIN: &[u8] = include_bytes!("../../cuda/kernels.sm_90.cubin");
const PTX: &str = include_str!("../../cuda/kernels.compute_80.ptx");
const LEAST_CAPABILITY: (i32, i32) = (8, 0);

/// Every kernel; all are looked up when the module is loaded, so that a missing one shows at once.
const KERNELS: [&str; 20] = [
    "accumulate_g1",
    "accumulate_g2",
    "classify",
    "combine_g1",
    "combine_g2",
    "digits",
    "multiples_g1",
    "multiples_g2",
    "multiply",
    "ntt_pass",
    "powers",
    "radix_count",
    "radix_scan",
    "radix_scatter",
    "rows",
    "subtract_from",
    "sum_g1",
    "sum_g2",
    "weigh_g1",
    "weigh_g2",
];

/// Why there is no card to compute on, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

/// A card with the kernels loaded.
#[derive(Debug)]
pub struct Driver {
    card: Arc<Card>,
    kernels: HashMap<&'static str, Function>,
    description: String,
}

/// The primary context of a card, our module in it, memory that was given back, and memory that uploads go through. All is
/// freed with the last user.
struct Card {
    device: sys::CUdevice,
    context: sys::CUcontext,
    module: sys::CUmodule,
    // Freeing and allocating through the driver waits for the whole card, so pieces are kept by size and used again.
    idle: Mutex<BTreeMap<usize, Vec<sys::CUdeviceptr>>>,
    staging: Staging,
}

// SAFETY: a context may be made current in any thread, and in several at once (CUDA driver API, "Context management").
unsafe impl Send for Card {}
// SAFETY: as above; all calls of the driver that we make are thread-safe.
unsafe impl Sync for Card {}

#[derive(Clone, Copy, Debug)]
struct Function(sys::CUfunction);
// SAFETY: a function handle is a constant of a module, which is unloaded with the last user of the card.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card")
    }
}

/// A piece of a card's memory.
pub struct Memory {
    card: Arc<Card>,
    address: sys::CUdeviceptr,
    bytes: usize,
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Ok(mut idle) = self.card.idle.lock() {
            idle.entry(self.bytes).or_default().push(self.address);
        }
    }
}

/// A stream of the driver.
pub struct Queue {
    card: Arc<Card>,
    stream: sys::CUstream,
}

// SAFETY: streams may be used from any thread; calls that put work in are thread-safe.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        if self.card.bind("destroy stream").is_ok() {
            // SAFETY: the stream was created by us and nothing uses it any more. An error here has shown before.
            let _ = unsafe { result::stream::destroy(self.stream) };
        }
    }
}

fn failed(operation: &'static str) -> impl FnOnce(DriverError) -> Error {
    move |e| Error::Device { operation, message: text(e) }
}

fn text(e: DriverError) -> String {
    let name = e.error_name().map_or_else(|_| format!("{:?}", e.0), |s| s.to_string_lossy().into_owned());
    match e.error_string() {
        Ok(s) => format!("{name}: {}", s.to_string_lossy()),
        Err(_) => name,
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // What fails here has failed before, and there is nobody left to tell.
        if self.bind("release").is_ok() {
            let _ = self.trim();
            // SAFETY: queues keep the card alive, and whoever put a copy in has waited for its queue, or the context has failed.
            unsafe { self.staging.free() };
            if !self.module.is_null() {
                // SAFETY: nobody can launch any more: queues and backends keep the card alive.
                let _ = unsafe { result::module::unload(self.module) };
            }
        }
        // SAFETY: retained once in `open`.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}

impl Card {
    /// Makes the context current in this thread, as every call of the driver needs.
    fn bind(&self, operation: &'static str) -> Result<(), Error> {
        // SAFETY: the primary context is retained as long as the card lives.
        unsafe { result::ctx::set_current(self.context) }.map_err(failed(operation))
    }

    /// Returns what lies idle to the driver.
    fn trim(&self) -> Result<(), Error> {
        let idle = std::mem::take(&mut *self.idle.lock().map_err(|_| locked())?);
        for address in idle.into_values().flatten() {
            // SAFETY: an idle piece belongs to nobody, and `Work` has waited for all that used it.
            unsafe { result::free_sync(address) }.map_err(failed("free"))?;
        }
        Ok(())
    }
}

fn locked() -> Error {
    Error::Device { operation: "memory", message: "a thread panicked while it held the list of idle memory".into() }
}

/// Sizes are rounded up to eight steps a power of two, so that pieces fit again although lengths vary a little.
fn rounded(bytes: usize) -> usize {
    let step = (bytes.next_power_of_two() / 16).max(512);
    bytes.next_multiple_of(step)
}

/// The number in [`DEVICE_VARIABLE`], or 0.
///
/// # Errors
/// [`Missing`] if it is no number.
pub fn device_from_environment() -> Result<usize, Missing> {
    match std::env::var(DEVICE_VARIABLE) {
        Ok(value) => value.parse().map_err(|_| Missing(format!("{DEVICE_VARIABLE} is `{value}`, not a number"))),
        Err(_) => Ok(0),
    }
}

impl Driver {
    /// Opens card number `ordinal` and loads the kernels.
    ///
    /// # Errors
    /// [`Missing`]: no driver library, one that is too old, no such card, a card that is too old, or what the driver says.
    pub fn open(ordinal: usize) -> Result<Self, Missing> {
        let said = |what: &'static str| move |e: DriverError| Missing(format!("{what}: {}", text(e)));
        // SAFETY: loads and drops the library by its usual names; NVIDIA's has no conditions on that. Without this check the
        // first call would panic.
        if !unsafe { sys::is_culib_present() } {
            return Err(Missing(
                "no CUDA driver library on this machine: install NVIDIA's driver, 580 or newer".into(),
            ));
        }
        let mut version = 0;
        // SAFETY: writes one integer. The call exists in every driver, and may come before initialisation.
        unsafe { sys::cuDriverGetVersion(&mut version) }.result().map_err(said("the driver tells no version"))?;
        if version < LEAST_DRIVER {
            let (major, minor) = (version / 1000, version % 1000 / 10);
            return Err(Missing(format!(
                "the driver knows CUDA {major}.{minor}, 13.0 is needed: install driver 580 or newer"
            )));
        }
        result::init().map_err(said("the driver finds no usable card"))?;
        let count = result::device::get_count().map_err(said("the driver counts no cards"))?;
        let Some(number) = i32::try_from(ordinal).ok().filter(|n| *n < count) else {
            return Err(Missing(format!("there is no card number {ordinal}: the driver knows {count}")));
        };
        let device = result::device::get(number).map_err(said("cannot open the card"))?;
        let name = result::device::get_name(device).map_err(said("the card has no name"))?;
        // SAFETY: `device` comes from the driver.
        let attribute = |which| unsafe { result::device::get_attribute(device, which) };
        use sys::CUdevice_attribute::{
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
        };
        let major = attribute(MAJOR).map_err(said("the card tells no compute capability"))?;
        let minor = attribute(MINOR).map_err(said("the card tells no compute capability"))?;
        if (major, minor) < LEAST_CAPABILITY {
            return Err(Missing(format!("{name} has compute capability {major}.{minor}, 8.0 (Ampere) is needed")));
        }
        // SAFETY: `device` comes from the driver.
        let context = unsafe { result::primary_ctx::retain(device) }.map_err(said("the card gives no context"))?;
        // From here on, dropping the card releases the context, whatever fails.
        let mut card =
            Card { device, context, module: std::ptr::null_mut(), idle: Mutex::default(), staging: Staging::default() };
        card.bind("set context").map_err(|e| Missing(format!("the context cannot be used: {e}")))?;

        let ptx = CString::new(PTX).expect("PTX is text");
        let image = if (major, minor) == (9, 0) { CUBIN.as_ptr().cast() } else { ptx.as_ptr().cast::<c_void>() };
        // SAFETY: a whole cubin, or PTX with a zero at its end; the driver copies it.
        card.module = unsafe { result::module::load_data(image) }.map_err(said("the driver refuses the kernels"))?;
        let mut kernels = HashMap::new();
        for kernel in KERNELS {
            // SAFETY: the module was loaded above.
            let function = unsafe { result::module::get_function(card.module, CString::new(kernel).expect("a name")) };
            kernels.insert(kernel, Function(function.map_err(said("a kernel is missing"))?));
        }
        let (_, total) = result::mem_get_info().map_err(said("the card tells no memory"))?;
        let description = format!(
            "{name}, device {ordinal}, {} GiB, compute {major}.{minor}, driver for CUDA {}.{}",
            total >> 30,
            version / 1000,
            version % 1000 / 10
        );
        Ok(Driver { card: Arc::new(card), kernels, description })
    }
}

impl Device for Driver {
    type Memory = Memory;
    type Queue = Queue;

    fn description(&self) -> String {
        self.description.clone()
    }

    fn free_bytes(&self) -> Result<usize, Error> {
        self.card.bind("free memory")?;
        let (free, _) = result::mem_get_info().map_err(failed("free memory"))?;
        let idle = self.card.idle.lock().map_err(|_| locked())?;
        Ok(free + idle.iter().map(|(bytes, pieces)| bytes * pieces.len()).sum::<usize>())
    }

    fn allocate(&self, bytes: usize) -> Result<Option<Memory>, Error> {
        let bytes = rounded(bytes);
        self.card.bind("allocate")?;
        let idle = self.card.idle.lock().map_err(|_| locked())?.get_mut(&bytes).and_then(Vec::pop);
        if let Some(address) = idle {
            return Ok(Some(Memory { card: self.card.clone(), address, bytes }));
        }
        for last in [false, true] {
            // SAFETY: `bytes` is not 0. The piece is freed by `trim` alone, after its `Memory` is gone.
            match unsafe { result::malloc_sync(bytes) } {
                Ok(address) => return Ok(Some(Memory { card: self.card.clone(), address, bytes })),
                Err(DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY)) if last => return Ok(None),
                // Idle pieces of other sizes may be in the way.
                Err(DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY)) => self.card.trim()?,
                Err(e) => return Err(failed("allocate")(e)),
            }
        }
        Ok(None)
    }

    fn address(&self, memory: &Memory) -> u64 {
        memory.address
    }

    fn queue(&self) -> Result<Queue, Error> {
        self.card.bind("create stream")?;
        let stream =
            result::stream::create(result::stream::StreamKind::NonBlocking).map_err(failed("create stream"))?;
        Ok(Queue { card: self.card.clone(), stream })
    }

    fn clear(&self, queue: &Queue, memory: &Memory, bytes: usize) -> Result<(), Error> {
        assert!(bytes <= memory.bytes, "clears past the end");
        self.card.bind("clear")?;
        // SAFETY: inside the piece, checked above; `Work` keeps it until the stream has been waited for.
        unsafe { result::memset_d8_async(memory.address, 0, bytes, queue.stream) }.map_err(failed("clear"))
    }

    fn upload(&self, queue: &Queue, memory: &Memory, len: usize, fill: Fill) -> Result<(), Error> {
        assert!(8 * len <= memory.bytes, "copies past the end");
        self.card.bind("copy to the card")?;
        // SAFETY: bound above; inside the piece, checked above, which `Work` keeps until the stream has been waited for.
        unsafe { self.card.staging.copy(queue, memory.address, len, fill) }
    }

    fn download(&self, queue: &Queue, memory: &Memory, data: &mut [u64]) -> Result<(), Error> {
        assert!(size_of_val(data) <= memory.bytes, "copies past the end");
        self.card.bind("copy from the card")?;
        // SAFETY: inside the piece, checked above; `data` lives until the copy is done, because we wait for it, and the wait
        // ends with an error only after the stream has ended.
        unsafe { result::memcpy_dtoh_async(data, memory.address, queue.stream) }
            .map_err(failed("copy from the card"))?;
        self.synchronise(queue)
    }

    unsafe fn launch(
        &self,
        queue: &Queue,
        kernel: &'static str,
        grid: u32,
        block: u32,
        arguments: &[Argument],
    ) -> Result<(), Error> {
        self.card.bind(kernel)?;
        let function = self.kernels.get(kernel).expect("a kernel of ours");
        let mut pointers: Vec<*mut c_void> = arguments.iter().map(|a| a.as_ptr().cast_mut().cast()).collect();
        // SAFETY: the caller vouches for the arguments; the driver copies them before it returns.
        unsafe { result::launch_kernel(function.0, (grid, 1, 1), (block, 1, 1), 0, queue.stream, &mut pointers) }
            .map_err(failed(kernel))
    }

    fn synchronise(&self, queue: &Queue) -> Result<(), Error> {
        self.card.bind("wait")?;
        // SAFETY: the stream is ours and alive.
        unsafe { result::stream::synchronize(queue.stream) }.map_err(failed("wait"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_by_less_than_an_eighth_above_a_few_kilobytes() {
        for bytes in [1, 511, 512, 513, 8192, 8193, 100_000, (1 << 30) - 1, 1 << 30, (1 << 30) + 1] {
            let r = rounded(bytes);
            assert!(r >= bytes && r.is_multiple_of(512) && rounded(r) == r);
            assert!(bytes < 8192 || r - bytes <= bytes / 8, "{bytes} {r}");
        }
    }

    #[test]
    fn embedded_ptx_has_every_kernel() {
        for kernel in KERNELS {
            assert!(PTX.contains(&format!(".entry {kernel}(")), "{kernel}");
        }
        assert_eq!(PTX.matches(".entry ").count(), KERNELS.len());
        assert_eq!(&CUBIN[..4], b"\x7fELF");
    }
}
