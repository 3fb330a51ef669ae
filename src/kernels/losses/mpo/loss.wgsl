// MPO, the part of one pair: loss = w_pref * DPO + w_qual * BCO.
// The batch adds w_gen * NLL of the chosen answers: a mean over all their tokens (preference-loss.wgsl).

struct Hyperparameters {
  beta: f32,
  w_pref: f32,
  w_qual: f32,
  w_gen: f32,
  delta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = implicit_rewards(pair, h.beta);
  let quality = softplus(h.delta - rewards.chosen) + softplus(rewards.rejected - h.delta);
  let by_preference = h.w_pref * sigmoid(-rewards.margin);
  return PairLoss(h.w_pref * softplus(-rewards.margin) + h.w_qual * quality, rewards, gradients(
    -h.beta * (by_preference + h.w_qual * sigmoid(h.delta - rewards.chosen)),
    h.beta * (by_preference + h.w_qual * sigmoid(rewards.rejected - h.delta)),
  ));
}
