//! What a stranger must trust: contracts, the offline check, the L1 client. Knows neither prover nor gpu.
