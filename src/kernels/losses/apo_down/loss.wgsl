// APO-down: loss = sigmoid(r_w) + sigmoid(-(r_w - r_l)), r = beta h

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = implicit_rewards(pair, h.beta);
  let of_chosen = sigmoid(rewards.chosen) * sigmoid(-rewards.chosen);
  let of_margin = sigmoid(rewards.margin) * sigmoid(-rewards.margin);
  return PairLoss(
    sigmoid(rewards.chosen) + sigmoid(-rewards.margin),
    rewards,
    gradients(h.beta * (of_chosen - of_margin), h.beta * of_margin),
  );
}
