// f-DPO, alpha-divergence: loss = softplus(-z), z = beta (f(h_w) - f(h_l)), f(h) = e^((alpha-1) h) / (alpha-1),
// f'(h) = e^((alpha-1) h). At alpha = 1, f(h) = h: DPO.

struct Hyperparameters {
  beta: f32,
  alpha: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  // Kept below 20: an answer the policy has all but lost must not overflow.
  let chosen = min((h.alpha - 1.0) * pair.chosen_log_ratio, 20.0);
  let rejected = min((h.alpha - 1.0) * pair.rejected_log_ratio, 20.0);
  var difference = pair.chosen_log_ratio - pair.rejected_log_ratio;
  if (h.alpha != 1.0) {
    difference = exp_difference(chosen, rejected) / (h.alpha - 1.0);
  }
  let z = h.beta * difference;
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(
    softplus(-z),
    implicit_rewards(pair, h.beta),
    gradients(slope * exp(chosen), -slope * exp(rejected)),
  );
}
