//! What the backend needs of a device: memory, queues, launches. One implementation drives a card
//! ([`super::driver::Driver`]), one runs the same kernels on the host (this crate's tests).

// Declares what a launch must vouch for, and passes it on.
#![allow(unsafe_code)]

use crate::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

/// A device with our kernels loaded.
pub trait Device: Send + Sync + fmt::Debug + 'static {
    /// A piece of device memory, given back when it is dropped. Nothing may use it then: [`Work`] sees to that.
    type Memory: Send + Sync + 'static;
    /// A queue: what is put in runs in order; different queues run side by side.
    type Queue: Send + Sync + 'static;

    /// One line for people: model, memory, driver.
    fn description(&self) -> String;

    /// Bytes that can still be allocated.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn free_bytes(&self) -> Result<usize, Error>;

    /// `bytes` (not 0) of memory, aligned to 16 at least, with any content. `None` when there is not as much.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn allocate(&self, bytes: usize) -> Result<Option<Self::Memory>, Error>;

    /// Address on the device, as kernels take it.
    fn address(&self, memory: &Self::Memory) -> u64;

    /// A new queue.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn queue(&self) -> Result<Self::Queue, Error>;

    /// Puts in zeroing the first `bytes` of `memory`.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn clear(&self, queue: &Self::Queue, memory: &Self::Memory, bytes: usize) -> Result<(), Error>;

    /// Puts in copying `len` words to the start of `memory`, and may return before they are there. `fill` writes them piece by
    /// piece, in order, to where the device takes them from: the words from `at` on, a multiple of [`PIECE_ALIGN`].
    ///
    /// # Errors
    /// [`Error::Device`].
    fn upload(&self, queue: &Self::Queue, memory: &Self::Memory, len: usize, fill: Fill) -> Result<(), Error>;

    /// Waits for what was put in before, then copies from the start of `memory`.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn download(&self, queue: &Self::Queue, memory: &Self::Memory, data: &mut [u64]) -> Result<(), Error>;

    /// Puts in a kernel on `grid` blocks of `block` threads. Each argument is the bytes of one parameter, aligned to 16.
    ///
    /// # Safety
    /// The arguments are those of that kernel, in order, number and size, and every address in them is valid for what the
    /// kernel does with it until the queue has been waited for.
    ///
    /// # Errors
    /// [`Error::Device`].
    unsafe fn launch(
        &self,
        queue: &Self::Queue,
        kernel: &'static str,
        grid: u32,
        block: u32,
        arguments: &[Argument],
    ) -> Result<(), Error>;

    /// Waits until the queue is empty.
    ///
    /// # Errors
    /// [`Error::Device`], also of kernels put in before.
    fn synchronise(&self, queue: &Self::Queue) -> Result<(), Error>;
}

/// Writes the words from `at` on: `fill(at, piece)`.
pub type Fill<'a> = &'a mut dyn FnMut(usize, &mut [u64]);

/// Words of which the pieces of an upload are multiples, but for the last.
pub const PIECE_ALIGN: usize = 8;

/// The bytes of one kernel parameter: at most 64, aligned to 16 as the widest of our structures needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Argument {
    data: [u128; 4],
    len: usize,
}

impl Argument {
    /// Size of the parameter in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for a parameter of no bytes, which no kernel has.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the bytes are.
    pub fn as_ptr(&self) -> *const u128 {
        self.data.as_ptr()
    }

    /// Appends a value of `bytes` bytes at its natural alignment.
    fn push(&mut self, value: u64, bytes: usize) {
        self.len = self.len.next_multiple_of(bytes);
        assert!(self.len + bytes <= 64, "a kernel parameter of more than 64 bytes");
        self.data[self.len / 16] |= u128::from(value) << (8 * (self.len % 16));
        self.len += bytes;
    }
}

/// A piece of memory with its length.
pub(super) struct Buffer<D: Device> {
    memory: D::Memory,
    bytes: usize,
}

/// The parameters of one launch, with the buffers they point to.
pub(super) struct Arguments<'a, D: Device> {
    device: &'a D,
    list: Vec<Argument>,
    held: Vec<Arc<Buffer<D>>>,
    open: bool,
}

impl<D: Device> Arguments<'_, D> {
    fn push(&mut self, value: u64, bytes: usize) {
        if !self.open {
            self.list.push(Argument::default());
        }
        self.list.last_mut().expect("an argument was opened").push(value, bytes);
    }

    /// A 32-bit word.
    pub(super) fn word(mut self, value: usize) -> Self {
        self.push(u64::from(u32::try_from(value).expect("a word")), 4);
        self
    }

    /// The address of a buffer of which the kernel uses the first `bytes`.
    pub(super) fn buffer(mut self, buffer: &Arc<Buffer<D>>, bytes: usize) -> Self {
        assert!(bytes <= buffer.bytes, "a kernel would use {bytes} bytes of {}", buffer.bytes);
        self.push(self.device.address(&buffer.memory), 8);
        self.held.push(buffer.clone());
        self
    }

    /// The address of a buffer, from `offset` bytes on.
    pub(super) fn buffer_from(mut self, buffer: &Arc<Buffer<D>>, offset: usize, bytes: usize) -> Self {
        assert!(offset + bytes <= buffer.bytes, "a kernel would use bytes {offset}..+{bytes} of {}", buffer.bytes);
        self.push(self.device.address(&buffer.memory) + offset as u64, 8);
        self.held.push(buffer.clone());
        self
    }

    /// The null address.
    pub(super) fn null(mut self) -> Self {
        self.push(0, 8);
        self
    }

    /// A parameter of several parts: those that `fill` adds, padded to a multiple of `align`.
    pub(super) fn structure(mut self, align: usize, fill: impl FnOnce(Self) -> Self) -> Self {
        self.list.push(Argument::default());
        self.open = true;
        let mut filled = fill(self);
        filled.open = false;
        let last = filled.list.last_mut().expect("opened above");
        last.len = last.len.next_multiple_of(align);
        filled
    }

    /// Four limbs, as part of a structure.
    pub(super) fn limbs(mut self, limbs: [u64; 4]) -> Self {
        for limb in limbs {
            self.push(limb, 8);
        }
        self
    }
}

/// Queues that wait for work; creating one costs more than reusing it.
pub(super) struct Queues<D: Device>(Mutex<Vec<D::Queue>>);

impl<D: Device> Default for Queues<D> {
    fn default() -> Self {
        Queues(Mutex::new(Vec::new()))
    }
}

/// One stretch of work in one queue. It holds every buffer that its kernels use until the queue has been waited for, so an
/// error on the way, or a ticket that nobody waits for, frees nothing that is in use, and leaks nothing.
pub(super) struct Work<'a, D: Device> {
    device: &'a D,
    queues: &'a Queues<D>,
    // Taken only in `drop`.
    queue: Option<D::Queue>,
    held: Vec<Arc<Buffer<D>>>,
}

impl<'a, D: Device> Work<'a, D> {
    pub(super) fn new(device: &'a D, queues: &'a Queues<D>) -> Result<Self, Error> {
        let waiting = queues.0.lock().expect("no panic while queues are locked").pop();
        let queue = waiting.map_or_else(|| device.queue(), Ok)?;
        Ok(Work { device, queues, queue: Some(queue), held: Vec::new() })
    }

    fn queue(&self) -> &D::Queue {
        self.queue.as_ref().expect("taken only in drop")
    }

    /// Memory for `len` elements of `each` bytes, of any content.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with what would fit.
    pub(super) fn allocate(&mut self, what: &'static str, len: usize, each: usize) -> Result<Arc<Buffer<D>>, Error> {
        let bytes = (len * each).max(16);
        match self.device.allocate(bytes)? {
            Some(memory) => {
                let buffer = Arc::new(Buffer { memory, bytes });
                self.held.push(buffer.clone());
                Ok(buffer)
            }
            None => Err(Error::TooLarge { what, len, max: self.device.free_bytes()? / each }),
        }
    }

    /// As [`Work::allocate`], zeroed.
    pub(super) fn zeroed(&mut self, what: &'static str, len: usize, each: usize) -> Result<Arc<Buffer<D>>, Error> {
        let buffer = self.allocate(what, len, each)?;
        self.device.clear(self.queue(), &buffer.memory, buffer.bytes)?;
        Ok(buffer)
    }

    /// A buffer of `len` elements of `words` 64-bit words, with the content that `fill` writes ([`Device::upload`]).
    pub(super) fn load(
        &mut self,
        what: &'static str,
        len: usize,
        words: usize,
        mut fill: impl FnMut(usize, &mut [u64]),
    ) -> Result<Arc<Buffer<D>>, Error> {
        let buffer = self.allocate(what, len, 8 * words)?;
        self.upload(&buffer, len * words, &mut fill)?;
        Ok(buffer)
    }

    /// Copies `len` words to the start of a buffer.
    pub(super) fn upload(&mut self, buffer: &Arc<Buffer<D>>, len: usize, fill: Fill) -> Result<(), Error> {
        assert!(8 * len <= buffer.bytes, "writes past the end of a buffer");
        self.held.push(buffer.clone());
        self.device.upload(self.queue(), &buffer.memory, len, fill)
    }

    /// The first `len` 64-bit words of a buffer, after everything put in before.
    pub(super) fn read(&self, buffer: &Buffer<D>, len: usize) -> Result<Vec<u64>, Error> {
        assert!(8 * len <= buffer.bytes, "reads past the end of a buffer");
        let mut data = vec![0; len];
        if len > 0 {
            self.device.download(self.queue(), &buffer.memory, &mut data)?;
        }
        Ok(data)
    }

    pub(super) fn arguments(&self) -> Arguments<'a, D> {
        Arguments { device: self.device, list: Vec::new(), held: Vec::new(), open: false }
    }

    /// Puts in a kernel.
    ///
    /// # Safety
    /// The arguments are those of the kernel, and the byte counts given for its buffers are what it uses.
    pub(super) unsafe fn launch(
        &mut self,
        kernel: &'static str,
        grid: usize,
        block: u32,
        arguments: Arguments<'a, D>,
    ) -> Result<(), Error> {
        self.held.extend(arguments.held);
        let grid = u32::try_from(grid).expect("fewer than 2^31 blocks");
        // SAFETY: the caller vouches for the arguments; the buffers live until the queue has been waited for, because
        // `held` is emptied after that only.
        unsafe { self.device.launch(self.queue(), kernel, grid, block, &arguments.list) }
    }

    /// Waits for everything put in so far.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.device.synchronise(self.queue())?;
        self.held.clear();
        Ok(())
    }
}

impl<D: Device> Drop for Work<'_, D> {
    fn drop(&mut self) {
        let queue = self.queue.take().expect("dropped once");
        // A queue that fails is not used again. Its kernels have ended too: a failure ends all that a context runs.
        let done = self.held.is_empty() || self.device.synchronise(&queue).is_ok();
        self.held.clear();
        if done {
            if let Ok(mut waiting) = self.queues.0.lock() {
                waiting.push(queue);
            }
        }
    }
}
