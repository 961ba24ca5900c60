//! Opaque handles: data that lives where a backend wants it.

use crate::error::Error;
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Identity of one backend instance. Two instances never share one, so a handle cannot be used with the wrong card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(u64);

/// A fresh identity; a backend takes one when it is created.
pub fn next_owner() -> Owner {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Owner(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Names a kind of handle in errors.
pub trait Kind {
    /// Plural noun.
    const WHAT: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $alias:ident = $kind:ident, $what:literal;)*) => {
        /// Kinds of handles.
        pub mod kind {
            $(
                #[doc = concat!("Marks handles of ", $what, ".")]
                #[derive(Debug)]
                pub enum $kind {}
                impl super::Kind for $kind {
                    const WHAT: &'static str = $what;
                }
            )*
        }
        $($(#[$doc])* pub type $alias = Handle<kind::$kind>;)*
    };
}

kinds! {
    /// Prepared points of G1. [`Handle::len`] is the span: one past the last scalar index they name.
    G1Bases = G1, "G1 bases";
    /// Prepared points of G2. [`Handle::len`] is the span: one past the last scalar index they name.
    G2Bases = G2, "G2 bases";
    /// A loaded vector of scalars.
    Scalars = Vector, "scalars";
    /// Prepared constraint matrices. [`Handle::len`] is the number of rows.
    System = Matrices, "constraint systems";
    /// The products `A w`, `B w`, `C w` of a satisfied system. [`Handle::len`] is the size of the domain.
    Rows = RowValues, "row values";
}

/// Data of kind `K` that backend [`Owner`] keeps. Cheap to clone; freed when the last clone goes.
pub struct Handle<K> {
    owner: Owner,
    len: usize,
    inner: Arc<dyn Any + Send + Sync>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Handle<K> {
    /// Wraps backend data. Only backends call this.
    pub fn new<T: Any + Send + Sync>(owner: Owner, len: usize, data: T) -> Self {
        Handle { owner, len, inner: Arc::new(data), kind: PhantomData }
    }

    /// Length; its meaning stands with each alias.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when the length is zero.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The data behind the handle, for the backend that made it.
    ///
    /// # Errors
    /// [`Error::ForeignHandle`] for any other backend instance.
    pub fn get<T: Any + Send + Sync>(&self, owner: Owner) -> Result<&T, Error> {
        let foreign = Error::ForeignHandle { what: K::WHAT };
        if self.owner != owner {
            return Err(foreign);
        }
        self.inner.downcast_ref().ok_or(foreign)
    }
}

impl<K> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Handle { owner: self.owner, len: self.len, inner: self.inner.clone(), kind: PhantomData }
    }
}

impl<K: Kind> fmt::Debug for Handle<K> {
    // PRIVACY: the data may be a witness; a debug print must never show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}, len {})", K::WHAT, self.len)
    }
}
