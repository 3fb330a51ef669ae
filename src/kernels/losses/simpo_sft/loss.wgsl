// SimPO + SFT, the part of one pair: loss = -log sigmoid(beta (a_w - a_l) - gamma).
// The batch adds sft_weight * NLL of the chosen answers: a mean over all their tokens, not over pairs (preference-loss.wgsl).

struct Hyperparameters {
  beta: f32,
  gamma: f32,
  sft_weight: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rewards = mean_logp_rewards(pair, h.beta);
  let z = rewards.margin - h.gamma;
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), rewards, gradients(slope / pair.chosen_length, -slope / pair.rejected_length));
}
