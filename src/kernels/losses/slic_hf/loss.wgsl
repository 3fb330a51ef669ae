// SLiC-HF: loss = max(0, delta - log pi(y_w) + log pi(y_l)) - lam log pi(y_w); the reward is the log-probability itself

struct Hyperparameters {
  delta: f32,
  lam: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let slack = h.delta - (pair.chosen - pair.rejected);
  let open = select(0.0, 1.0, slack > 0.0);
  let loss = max(0.0, slack) - h.lam * pair.chosen;
  return PairLoss(loss, logp_rewards(pair, 1.0), gradients(-open - h.lam, open));
}
