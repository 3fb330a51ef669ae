// NCA on a pair: loss = softplus(-r_w) + softplus(r_w)/2 + softplus(r_l)/2, r = beta h: each side has a term of its own

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = implicit_rewards(pair, h.beta);
  let loss = softplus(-rewards.chosen) + 0.5 * softplus(rewards.chosen) + 0.5 * softplus(rewards.rejected);
  return PairLoss(loss, rewards, gradients(
    h.beta * (0.5 * sigmoid(rewards.chosen) - sigmoid(-rewards.chosen)),
    h.beta * 0.5 * sigmoid(rewards.rejected),
  ));
}
