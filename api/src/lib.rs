//! The one binary: composes everything.
