// AOT, unpaired: chosen and rejected log-ratios are sorted apart, and compared rank by rank with a smoothed logistic. The slope of a
// rank goes into the chosen answer that holds it on the one side, and with the other sign into the rejected one that holds it.

struct Hyperparameters {
  beta: f32,
  label_smoothing: f32,
}

fn pair_in_batch(pair: u32, h: Hyperparameters) -> PairInBatch {
  let chosen_rank = rank_of(pair, CHOSEN_LOG_RATIO);
  let rejected_rank = rank_of(pair, REJECTED_LOG_RATIO);
  let at_chosen = rows[pair][CHOSEN_LOG_RATIO] - value_at_rank(chosen_rank, REJECTED_LOG_RATIO);
  let at_rejected = value_at_rank(rejected_rank, CHOSEN_LOG_RATIO) - rows[pair][REJECTED_LOG_RATIO];
  let count = f32(params.pairs);
  return PairInBatch(
    logistic_loss(at_chosen, h.beta, h.label_smoothing),
    logistic_slope(at_chosen, h.beta, h.label_smoothing) / count,
    -logistic_slope(at_rejected, h.beta, h.label_smoothing) / count,
  );
}
