//! Orders into windows, windows into auctions, auctions into batches. Pure core.
