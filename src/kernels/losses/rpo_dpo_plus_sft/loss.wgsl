// RPO, the part of one pair: DPO, loss = -log sigmoid(beta (h_w - h_l)).
// The batch adds rpo_alpha * NLL of the chosen answers: a mean over all their tokens (preference-loss.wgsl).

struct Hyperparameters {
  beta: f32,
  rpo_alpha: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
