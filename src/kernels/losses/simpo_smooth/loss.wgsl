// SimPO with label smoothing: loss = (1-e) softplus(-z) + e softplus(z), z = beta (a_w - a_l) - gamma

struct Hyperparameters {
  beta: f32,
  gamma: f32,
  label_smoothing: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let epsilon = h.label_smoothing;
  let rewards = mean_logp_rewards(pair, h.beta);
  let z = rewards.margin - h.gamma;
  let loss = (1.0 - epsilon) * softplus(-z) + epsilon * softplus(z);
  let slope = h.beta * (epsilon * sigmoid(z) - (1.0 - epsilon) * sigmoid(-z));
  return PairLoss(loss, rewards, gradients(slope / pair.chosen_length, -slope / pair.rejected_length));
}
