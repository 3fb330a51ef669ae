// SimPO without target margin: loss = -log sigmoid(beta (a_w - a_l)), a = log-probability / length

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = mean_logp_rewards(pair, h.beta);
  let slope = -h.beta * sigmoid(-rewards.margin);
  return PairLoss(
    softplus(-rewards.margin),
    rewards,
    gradients(slope / pair.chosen_length, -slope / pair.rejected_length),
  );
}
