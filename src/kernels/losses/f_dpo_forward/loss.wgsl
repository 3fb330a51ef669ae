// f-DPO, forward KL: loss = softplus(-z), z = beta (f(h_w) - f(h_l)), f(h) = -e^-h, f'(h) = e^-h

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  // -h, kept below 20: an answer the policy has all but lost must not overflow.
  let chosen = min(-pair.chosen_log_ratio, 20.0);
  let rejected = min(-pair.rejected_log_ratio, 20.0);
  let z = h.beta * exp_difference(rejected, chosen);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(
    softplus(-z),
    implicit_rewards(pair, h.beta),
    gradients(slope * exp(chosen), -slope * exp(rejected)),
  );
}
