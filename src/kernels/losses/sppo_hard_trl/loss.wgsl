// SPPO, hard labels: loss = (h_w - 1/(2 beta))^2 + (h_l + 1/(2 beta))^2

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let goal = 1.0 / (2.0 * h.beta);
  let chosen = pair.chosen_log_ratio - goal;
  let rejected = pair.rejected_log_ratio + goal;
  return PairLoss(
    chosen * chosen + rejected * rejected,
    implicit_rewards(pair, h.beta),
    gradients(2.0 * chosen, 2.0 * rejected),
  );
}
