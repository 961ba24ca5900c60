//! A blocking reader as the body of an answer, a piece at a time: nobody holds a whole witness or key in memory for a slow client.

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;
/// Pieces that wait for the client.
const WAITING: usize = 4;

/// The body.
pub(super) struct Stream {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
}

impl Stream {
    /// Reads `bytes` bytes from `content`, in a thread that may block, as fast as the client takes them. Fewer are an error, which
    /// cuts the answer off.
    pub fn new(bytes: u64, content: impl Read + Send + 'static) -> Stream {
        let (sender, pieces) = mpsc::channel(WAITING);
        let mut content = content.take(bytes);
        tokio::task::spawn_blocking(move || {
            let mut left = bytes;
            while left > 0 {
                let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
                let read = content.read_exact(&mut piece);
                left -= piece.len() as u64;
                let failed = read.is_err();
                // A client that went away wants no more.
                if sender.blocking_send(read.map(|()| piece.into())).is_err() || failed {
                    return;
                }
            }
        });
        Stream { pieces, left: bytes }
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        if let Some(Ok(bytes)) = &piece {
            self.left -= bytes.len() as u64;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
