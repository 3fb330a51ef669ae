// SPPO, soft labels: loss = ((h_w - (P_w - 1/2)/beta)^2 + (h_l - (P_l - 1/2)/beta)^2) / 2.
// extra[0], extra[1]: probabilities that the chosen, the rejected answer beats the pool

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let chosen = pair.chosen_log_ratio - (pair.extra[0] - 0.5) / h.beta;
  let rejected = pair.rejected_log_ratio - (pair.extra[1] - 0.5) / h.beta;
  return PairLoss(
    0.5 * (chosen * chosen + rejected * rejected),
    implicit_rewards(pair, h.beta),
    gradients(chosen, rejected),
  );
}
