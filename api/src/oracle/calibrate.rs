//! Whether a scan range covers what the market did.

/// The `share` quantile of absolute relative moves over `horizon` seconds in a series of (seconds, price) in order of time: for each
/// moment the first price at least a horizon later. `None` if there is no pair.
pub fn move_quantile(series: &[(i64, f64)], horizon: i64, share: f64) -> Option<f64> {
    let mut moves = Vec::new();
    let mut end = 0;
    for (time, price) in series {
        while end < series.len() && series[end].0 < time + horizon {
            end += 1;
        }
        let Some((_, later)) = series.get(end) else { break };
        moves.push((later / price - 1.0).abs());
    }
    moves.sort_by(f64::total_cmp);
    let rank = ((moves.len() as f64 * share).ceil() as usize).max(1);
    moves.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_is_the_move_that_so_many_do_not_exceed() {
        let series: Vec<(i64, f64)> = (0..=100).map(|i| (i, if i % 10 == 0 { 110.0 } else { 100.0 })).collect();
        // Of 100 moves over a second, ten are by 10 % and ten by 9.1 %.
        assert_eq!(move_quantile(&series, 1, 0.80), Some(0.0));
        assert!((move_quantile(&series, 1, 0.85).unwrap() - 10.0 / 110.0).abs() < 1e-15);
        assert!((move_quantile(&series, 1, 1.0).unwrap() - 0.1).abs() < 1e-15);
        assert_eq!(move_quantile(&series, 200, 0.5), None);
    }
}
