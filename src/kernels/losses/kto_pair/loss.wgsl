// KTO on pairs, old form: loss = 1/2 [sigmoid(-beta (h_w - z_l)) + sigmoid(-beta (z_w - h_l))], z = max(0, mean h) of one side.
// The means are differentiated: besides its own slope, every pair receives the mean slope of the terms its mean stands in.

struct Hyperparameters {
  beta: f32,
}

fn bell(u: f32) -> f32 {
  return sigmoid(u) * sigmoid(-u);
}

fn pair_in_batch(pair: u32, h: Hyperparameters) -> PairInBatch {
  let count = f32(params.pairs);
  var mean_chosen = 0.0;
  var mean_rejected = 0.0;
  for (var j = 0u; j < params.pairs; j++) {
    mean_chosen += rows[j][CHOSEN_LOG_RATIO] / count;
    mean_rejected += rows[j][REJECTED_LOG_RATIO] / count;
  }
  let kl_chosen = max(0.0, mean_chosen);
  let kl_rejected = max(0.0, mean_rejected);
  var through_chosen = 0.0;
  var through_rejected = 0.0;
  for (var j = 0u; j < params.pairs; j++) {
    through_chosen += h.beta * bell(h.beta * (kl_chosen - rows[j][REJECTED_LOG_RATIO])) / count;
    through_rejected += h.beta * bell(h.beta * (rows[j][CHOSEN_LOG_RATIO] - kl_rejected)) / count;
  }
  let chosen = h.beta * (rows[pair][CHOSEN_LOG_RATIO] - kl_rejected);
  let rejected = h.beta * (kl_chosen - rows[pair][REJECTED_LOG_RATIO]);
  return PairInBatch(
    0.5 * (sigmoid(-chosen) + sigmoid(-rejected)),
    -(h.beta * bell(chosen) + select(0.0, through_chosen, mean_chosen >= 0.0)) / (2.0 * count),
    (h.beta * bell(rejected) + select(0.0, through_rejected, mean_rejected >= 0.0)) / (2.0 * count),
  );
}
