// Hinge: loss = max(0, 1 - beta (h_w - h_l)); the gradient is -beta or 0, and 0 at the kink

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let slack = 1.0 - h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let slope = select(0.0, -h.beta, slack > 0.0);
  return PairLoss(max(0.0, slack), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
