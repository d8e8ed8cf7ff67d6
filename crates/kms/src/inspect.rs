//! Shell. Reads along a connection without holding anything back: an API server waits for our
//! first bytes before it sends its first request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use crate::preface::{Preface, Verdict};

/// A connection that is read along until its first request is known.
pub(crate) struct Inspected<F> {
    stream: UnixStream,
    preface: Option<Preface>,
    refused: F,
}

impl<F: FnMut(&str)> Inspected<F> {
    /// Calls `refused` with an `:authority` that the HTTP/2 library is about to refuse.
    pub(crate) fn new(stream: UnixStream, refused: F) -> Self {
        Self {
            stream,
            preface: Some(Preface::default()),
            refused,
        }
    }
}

impl<F: FnMut(&str) + Unpin> AsyncRead for Inspected<F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(mut preface) = self.preface.take() {
            match preface.read(buf.filled().get(before..).unwrap_or_default()) {
                Verdict::Open => self.preface = Some(preface),
                Verdict::Fine => {}
                Verdict::Refused(authority) => (self.refused)(&authority),
            }
        }
        polled
    }
}

impl<F: FnMut(&str) + Unpin> AsyncWrite for Inspected<F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}
