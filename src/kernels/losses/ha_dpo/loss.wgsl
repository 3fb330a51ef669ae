// HA-DPO, the part of one pair: DPO, loss = -log sigmoid(beta (h_w - h_l)).
// The batch adds gamma * aux_nll, the cross entropy of other sequences (preference-loss.wgsl).

struct Hyperparameters {
  beta: f32,
  gamma: f32,
  aux_nll: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
