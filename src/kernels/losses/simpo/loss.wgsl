// SimPO: loss = -log sigmoid(z), z = beta (a_w - a_l) - gamma, a = log-probability / length; the gradients carry 1/length

struct Hyperparameters {
  beta: f32,
  gamma: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = mean_logp_rewards(pair, h.beta);
  let z = rewards.margin - h.gamma;
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), rewards, gradients(slope / pair.chosen_length, -slope / pair.rejected_length));
}
