//! Constraints that no forgery of this suite meets alone. `isolation` holds these tables against the circuit.

/// Without it nothing more could be proven: why.
pub const REDUNDANT: &[(&str, &str)] = &[
    ("position.in_play", "position.row makes it the sum of one row's indicator, and position.row_once makes that 0 or 1"),
    (
        "position.settled_is_closed",
        "a settled position rolls to 0 lots, link.lots adds nothing but fills, and clearing.fillable allows none of a settled row",
    ),
];

/// Inside gadgets, where no forgery of a batch was made that meets it alone. The gadget's own tests make one.
pub const IN_GADGETS: &[(&str, &str)] = &[
    ("challenge.leading", "scalar: a_magnitude_without_leading_bit_fails_leading"),
    ("challenge.value", "scalar: another_number_fails_value"),
];

/// Neither isolated nor shown to be redundant, with what is known.
pub const UNISOLATED: &[(&str, &str)] = &[];
