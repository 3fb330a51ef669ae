// BCO on a pair: loss = softplus(delta - r_w) + softplus(r_l - delta), r = beta h; delta carries no gradient

struct Hyperparameters {
  beta: f32,
  delta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = implicit_rewards(pair, h.beta);
  let loss = softplus(h.delta - rewards.chosen) + softplus(rewards.rejected - h.delta);
  return PairLoss(loss, rewards, gradients(
    -h.beta * sigmoid(h.delta - rewards.chosen),
    h.beta * sigmoid(rewards.rejected - h.delta),
  ));
}
