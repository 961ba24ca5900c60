//! Page-locked memory of the host that uploads go through, so that the card fetches a piece while the next one is written, and
//! copies run beside kernels of other queues. From other memory the driver would copy with a thread of ours, at a fraction of
//! the bus.

use super::{failed, locked, Queue};
use crate::cuda::device::PIECE_ALIGN;
use crate::error::Error;
use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys;
use std::collections::VecDeque;
use std::sync::Mutex;

/// 64-bit words of a piece: 1 MiB, 20 µs on the bus, many times what it takes to start a copy.
const WORDS: usize = 1 << 17;
const _: () = assert!(WORDS.is_multiple_of(PIECE_ALIGN));

/// Pieces that wait; uploads of several threads at once have one more each.
const PIECES: usize = 8;

/// The pieces, those that were filled longest ago first. They keep what was in them, as the card's memory does.
#[derive(Default)]
pub(super) struct Staging(Mutex<VecDeque<Piece>>);

struct Piece {
    words: *mut u64,
    /// Recorded after the copy out of this piece.
    copied: sys::CUevent,
}

// SAFETY: a piece belongs to one thread at a time; memory and events of a context may be used from any.
unsafe impl Send for Piece {}

impl Piece {
    fn new() -> Result<Self, Error> {
        // SAFETY: the size is not 0. Freed in `free`.
        let words = unsafe { result::malloc_host(8 * WORDS, 0) }.map_err(failed("lock memory"))?.cast::<u64>();
        // SAFETY: as long as was asked for. From here on it is initialised.
        unsafe { words.write_bytes(0, WORDS) };
        match result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING) {
            Ok(copied) => Ok(Piece { words, copied }),
            Err(e) => {
                // SAFETY: allocated above, and nobody knows it. The error that counts is the first.
                let _ = unsafe { result::free_host(words.cast()) };
                Err(failed("create event")(e))
            }
        }
    }

    /// What fails here has failed before, and there is nobody left to tell.
    ///
    /// # Safety
    /// The copy out of the piece is done, or the context has failed.
    unsafe fn free(self) {
        // SAFETY: created in `new`, and the caller knows that nothing uses them.
        let _ = unsafe { result::event::destroy(self.copied) };
        // SAFETY: as above.
        let _ = unsafe { result::free_host(self.words.cast()) };
    }
}

impl Staging {
    /// A piece that is not being copied. The context is current.
    fn take(&self) -> Result<Piece, Error> {
        let mut pieces = self.0.lock().map_err(|_| locked())?;
        let Some(oldest) = pieces.front() else { return Piece::new() };
        // SAFETY: the event lives as long as its piece.
        match unsafe { result::event::query(oldest.copied) } {
            Ok(()) => {}
            Err(DriverError(sys::CUresult::CUDA_ERROR_NOT_READY)) if pieces.len() < PIECES => return Piece::new(),
            Err(DriverError(sys::CUresult::CUDA_ERROR_NOT_READY)) => {
                // SAFETY: as above.
                unsafe { result::event::synchronize(oldest.copied) }.map_err(failed("wait for a copy"))?;
            }
            Err(e) => return Err(failed("wait for a copy")(e)),
        }
        Ok(pieces.pop_front().expect("there is an oldest"))
    }

    /// Puts in copying `len` words, which `fill` writes, to `address`.
    ///
    /// # Safety
    /// The context is current, and `len` words from `address` on are memory of the card until the queue has been waited for.
    pub(super) unsafe fn copy(
        &self,
        queue: &Queue,
        address: sys::CUdeviceptr,
        len: usize,
        fill: crate::cuda::Fill,
    ) -> Result<(), Error> {
        for at in (0..len).step_by(WORDS) {
            let piece = self.take()?;
            // SAFETY: initialised words of this length at least, which nobody else knows until the piece is back.
            let words = unsafe { std::slice::from_raw_parts_mut(piece.words, WORDS.min(len - at)) };
            fill(at, words);
            // SAFETY: inside the memory that the caller vouches for. `words` live until the event below, which is asked for
            // before they are used again or freed.
            let put = unsafe { result::memcpy_htod_async(address + 8 * at as u64, words, queue.stream) };
            // SAFETY: event and stream are ours and alive.
            let put = put.and_then(|()| unsafe { result::event::record(piece.copied, queue.stream) });
            if let Err(e) = put {
                // SAFETY: the stream is ours and alive; once it is empty, nothing reads the piece.
                let _ = unsafe { result::stream::synchronize(queue.stream) };
                // SAFETY: it is empty, or the context has failed.
                unsafe { piece.free() };
                return Err(failed("copy to the card")(e));
            }
            self.0.lock().map_err(|_| locked())?.push_back(piece);
        }
        Ok(())
    }

    /// Frees all pieces.
    ///
    /// # Safety
    /// No copy is under way, or the context has failed.
    pub(super) unsafe fn free(&mut self) {
        let pieces = std::mem::take(self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
        // SAFETY: the caller knows that no copy is under way.
        pieces.into_iter().for_each(|piece| unsafe { piece.free() });
    }
}
