// AOT, paired: policy margins and reference margins are sorted apart, and compared rank by rank with a smoothed logistic. The slope
// of a rank goes to the pair whose policy margin holds it: into chosen, and with the other sign into rejected.

struct Hyperparameters {
  beta: f32,
  label_smoothing: f32,
}

fn pair_in_batch(pair: u32, h: Hyperparameters) -> PairInBatch {
  let rank = rank_of(pair, POLICY_MARGIN);
  let difference = rows[pair][POLICY_MARGIN] - value_at_rank(rank, REFERENCE_MARGIN);
  let slope = logistic_slope(difference, h.beta, h.label_smoothing) / f32(params.pairs);
  return PairInBatch(logistic_loss(difference, h.beta, h.label_smoothing), slope, -slope);
}
