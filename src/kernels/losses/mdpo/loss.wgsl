// mDPO: loss = softplus(-text) + softplus(-image) + softplus(-anchored): DPO; the chosen text with the true against the
// corrupted image; the chosen reward against the anchor.   extra[0]: the chosen text's log-ratio given the corrupted image

struct Hyperparameters {
  beta: f32,
  anchor: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = implicit_rewards(pair, h.beta);
  let text = rewards.margin;
  let image = h.beta * (pair.chosen_log_ratio - pair.extra[0]);
  let anchored = rewards.chosen - h.anchor;
  return PairLoss(softplus(-text) + softplus(-image) + softplus(-anchored), rewards, gradients_with(
    -h.beta * (sigmoid(-text) + sigmoid(-image) + sigmoid(-anchored)),
    h.beta * sigmoid(-text),
    h.beta * sigmoid(-image),
    0.0,
  ));
}
