//! How scalars are cut into windows, and how many multiples of each point a card keeps.

/// Bits of the largest magnitude, `min(s, r - s)`: (r - 1) / 2 < 2^253.
const MAGNITUDE_BITS: usize = 253;

/// Tables that a term can name (`TABLE_BITS` in `cuda/digits.cuh`).
pub(super) const MAX_TABLES: usize = 1 << 7;

/// Work on a bucket (two additions of running sums, 28 products) in units of work on a term (a mixed addition, 10).
const BUCKET_COST: usize = 3;

/// Windows of signed digits. Window `w = table * groups + group` reads table `table`, the points times
/// `2^(width * groups * table)`, and fills the buckets of `group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Plan {
    /// Bits of a window, 2 to 24.
    pub(super) width: usize,
    /// Sets of buckets.
    pub(super) groups: usize,
}

impl Plan {
    /// The cheapest plan for sums of `terms` points of which at most `max_tables` (at least 1) multiples can be kept.
    pub(super) fn best(terms: usize, max_tables: usize) -> Self {
        let max_tables = max_tables.clamp(1, MAX_TABLES);
        (3..=22)
            .map(|width| Plan { width, groups: windows(width).div_ceil(max_tables) })
            .min_by_key(|plan| terms * plan.windows() + BUCKET_COST * plan.groups * plan.buckets())
            .expect("not empty")
    }

    /// Windows of a full-width magnitude. One bit more than the magnitude: then the top digit, carry included, is at most
    /// half a window.
    pub(super) fn windows(&self) -> usize {
        windows(self.width)
    }

    /// Windows from this one on are empty for magnitudes below 2^64: those of bits 0 to 63, and one more for a carry, are
    /// not.
    pub(super) fn small_windows(&self) -> usize {
        (64usize.div_ceil(self.width) + 1).min(self.windows())
    }

    /// Buckets of a group.
    pub(super) fn buckets(&self) -> usize {
        1 << (self.width - 1)
    }

    /// Multiples kept of each point, itself included.
    pub(super) fn tables(&self) -> usize {
        self.windows().div_ceil(self.groups)
    }

    /// What turns digits into plain bit fields: half a window at every window but the top one.
    pub(super) fn bias(&self) -> [u64; 4] {
        let mut bias = [0; 4];
        for window in 0..self.windows() - 1 {
            let bit = window * self.width + self.width - 1;
            bias[bit / 64] |= 1 << (bit % 64);
        }
        bias
    }
}

fn windows(width: usize) -> usize {
    (MAGNITUDE_BITS + 1).div_ceil(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_keeps_what_the_kernels_rely_on() {
        for terms in [0, 1, 70, 1 << 10, 1 << 14, 1 << 20, 1 << 24] {
            for max_tables in [0, 1, 2, 3, 7, 16, 200] {
                let plan = Plan::best(terms, max_tables);
                assert!((2..=24).contains(&plan.width));
                assert!(plan.tables() <= max_tables.clamp(1, MAX_TABLES), "{plan:?}");
                assert!(plan.tables() * plan.groups >= plan.windows());
                assert!(plan.windows() * plan.width > MAGNITUDE_BITS);
                assert!(plan.groups * plan.buckets() < u32::MAX as usize);
            }
        }
    }

    #[test]
    fn more_points_get_wider_windows_and_tables_share_one_set_of_buckets() {
        assert!(Plan::best(1 << 10, 1).width < Plan::best(1 << 20, 1).width);
        let full = Plan::best(1 << 20, MAX_TABLES);
        assert_eq!((full.groups, full.tables()), (1, full.windows()));
    }

    #[test]
    fn bias_has_one_bit_for_each_window_but_the_top_one() {
        for width in 2..=24 {
            let plan = Plan { width, groups: 1 };
            let ones: u32 = plan.bias().iter().map(|limb| limb.count_ones()).sum();
            assert_eq!(ones as usize, plan.windows() - 1);
        }
    }
}
