// APO-zero: loss = sigmoid(-r_w) + sigmoid(r_l), r = beta h

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = implicit_rewards(pair, h.beta);
  return PairLoss(sigmoid(-rewards.chosen) + sigmoid(rewards.rejected), rewards, gradients(
    -h.beta * sigmoid(rewards.chosen) * sigmoid(-rewards.chosen),
    h.beta * sigmoid(rewards.rejected) * sigmoid(-rewards.rejected),
  ));
}
