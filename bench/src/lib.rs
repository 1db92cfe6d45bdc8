//! What the smaller benches have in common. The one of the gateway has its own, for it compares many processes.

pub mod figures;

/// The nearest-rank percentile of sorted values; NaN if there are none.
pub fn percentile(sorted: &[u32], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().map_or(f64::NAN, f64::from)
}
