// MM-DPO: loss = -log sigmoid(b D), b = beta (1 + w (1 - e^(-k (s_w - s_l)))), under a stop-gradient.   extra[0]: s_w - s_l

struct Hyperparameters {
  beta: f32,
  w: f32,
  k: f32,
}

// A rejected answer that scores far higher would turn the scale negative.
const SMALLEST_BETA: f32 = 1e-3;

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let gain = exp_difference(0.0, min(-h.k * pair.extra[0], 80.0));
  let scaled = max(h.beta * (1.0 + h.w * gain), SMALLEST_BETA);
  let z = scaled * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let slope = -scaled * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, scaled), gradients(slope, -slope));
}
