// beta-DPO with a batch-level beta: loss = -log sigmoid(b (h_w - h_l)), b = batch_beta, which all pairs of the batch share and
// no gradient flows through; it is computed before the dispatch (loss.ts: prepare). Rewards are logged with the plain beta.

struct Hyperparameters {
  beta: f32,
  w: f32,
  seed: f32,
  batch_beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.batch_beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let slope = -h.batch_beta * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
