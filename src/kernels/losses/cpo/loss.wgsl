// CPO, the part of one pair: loss = -log sigmoid(beta (log pi(y_w) - log pi(y_l))).
// The batch adds cpo_alpha * NLL of the chosen answers: a mean over all their tokens (preference-loss.wgsl).

struct Hyperparameters {
  beta: f32,
  cpo_alpha: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen - pair.rejected);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), logp_rewards(pair, h.beta), gradients(slope, -slope));
}
