// SimPO, hinge link: loss = max(0, 1 - z), z = beta (a_w - a_l) - gamma; the gradient is 0 at the kink

struct Hyperparameters {
  beta: f32,
  gamma: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = mean_logp_rewards(pair, h.beta);
  let slack = 1.0 - (rewards.margin - h.gamma);
  let slope = select(0.0, -h.beta, slack > 0.0);
  return PairLoss(max(0.0, slack), rewards, gradients(slope / pair.chosen_length, -slope / pair.rejected_length));
}
